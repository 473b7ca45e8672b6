"""One archive with everything an installation needs: the database, the secret key, the private ssh key, certificates.

Everything else in the data folder is made from these. A gzipped tar that only its owner may read; its first member,
`manifest.json`, describes the others:

    {"kvmweb_backup": 1, "made": ISO time, "database": "sqlite" | "postgresql", "schema": [[app, migration], …],
     "files": {name: {"sha256": …, "columns": [of a table of PostgreSQL]}}}
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import re
import sqlite3
import tarfile
import tempfile
import zlib
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

log = logging.getLogger(__name__)
VERSION = 1
MANIFEST = "manifest.json"
SQLITE = "kvmweb.sqlite3"
KEYS = ("secret_key", "ssh/id_ed25519", "pki/cacert.pem", "pki/clientcert.pem", "pki/clientkey.pem")
#: names that an archive may contain; nothing else is ever written
_KNOWN = re.compile("|".join([*map(re.escape, (SQLITE, *KEYS)), "tables/[a-z0-9_]+"]))
_MOST_BYTES_AT_ONCE = 2**20

Files = dict[str, dict[str, Any]]


def make(file: Path) -> None:
    """Consistent while kvmweb runs. Refuses a file that exists; leaves no unfinished file."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError(f"{file} already exists. Choose another name; a backup never overwrites a file.") from None
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb") as raw:
            _write(raw, folder=file.absolute().parent)
            os.fsync(raw.fileno())
    except BaseException as error:
        file.unlink()
        if isinstance(error, OSError):
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from None
        raise
    _record()


def last() -> datetime | None:
    """When `make` last made one; None: that is not recorded."""
    try:
        made = datetime.fromisoformat(_recorded().read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None
    return made if made.tzinfo else None


def _record() -> None:
    """The backup is good without it."""
    try:
        with os.fdopen(os.open(_recorded(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(timezone.now().isoformat(timespec="seconds") + "\n")
    except OSError as error:
        log.warning("The backup was made, but the health page will not know of it: %s", error)


def _recorded() -> Path:
    folder: Path = settings.KVMWEB.data_dir
    return folder / "last_backup"


def _write(raw: IO[bytes], *, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".kvmweb-backup-", dir=folder) as draft:  # for its owner only
        content = Path(draft)
        columns = _dump_sqlite(content) if connection.vendor == "sqlite" else _dump_postgresql(content)
        data_dir: Path = settings.KVMWEB.data_dir
        sources = {name: data_dir / name for name in KEYS if data_dir.joinpath(name).exists()}
        sources |= {str(path.relative_to(content)): path for path in sorted(content.rglob("*")) if path.is_file()}
        files: Files = {name: {"sha256": _digest(path)} for name, path in sources.items()}
        for name, names in columns.items():
            files[name]["columns"] = names
        manifest = {
            "kvmweb_backup": VERSION,
            "made": timezone.now().isoformat(timespec="seconds"),
            "database": connection.vendor,
            "schema": [list(key) for key in sorted(MigrationLoader(connection).applied_migrations)],
            "files": files,
        }
        with tarfile.open(fileobj=raw, mode="w:gz") as tar:
            _add(tar, MANIFEST, io.BytesIO(json.dumps(manifest, indent=1).encode()))
            for name, path in sources.items():
                with path.open("rb") as member:
                    _add(tar, name, member)


def restore(file: Path) -> dict[str, Any]:
    """Into the data folder and the database of the settings, both of which must be new. Returns the manifest.

    Everything is read and checked before anything is put in place; the database comes last.
    """
    data_dir: Path = settings.KVMWEB.data_dir
    _refuse_existing(data_dir)
    with tempfile.TemporaryDirectory(prefix=".kvmweb-restore-", dir=data_dir) as draft:
        content = Path(draft)
        try:
            with tarfile.open(file, mode="r:gz") as tar:
                manifest = _read_manifest(tar, file)
                _extract(tar, manifest["files"], content, file)
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            raise CommandError(f"{file} cannot be read as a backup: {error}") from None
        if manifest["database"] == "sqlite":
            _check_sqlite(content / SQLITE, file)
        for name in KEYS:
            if name in manifest["files"]:
                data_dir.joinpath(name).parent.mkdir(mode=0o700, exist_ok=True)
                os.replace(content / name, data_dir / name)
        if manifest["database"] == "sqlite":
            connection.close()
            for beside in ("-wal", "-shm"):
                data_dir.joinpath(SQLITE + beside).unlink(missing_ok=True)
            os.replace(content / SQLITE, data_dir / SQLITE)
        else:
            _load_postgresql(content, manifest["files"])
    return manifest


# --- making -----------------------------------------------------------------------------------------------------------


def _dump_sqlite(content: Path) -> dict[str, list[str]]:
    """SQLite's own backup: a consistent copy, also while others write."""
    os.close(os.open(content / SQLITE, os.O_CREAT | os.O_EXCL, 0o600))
    connection.ensure_connection()
    with closing(sqlite3.connect(content / SQLITE)) as copy:
        connection.connection.backup(copy)
    return {}


def _dump_postgresql(content: Path) -> dict[str, list[str]]:
    """COPY in one snapshot; a pg_dump of the server's version is not needed."""
    (content / "tables").mkdir()
    columns: dict[str, list[str]] = {}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for table in sorted(connection.introspection.django_table_names(only_existing=True)):
            names = [column.name for column in connection.introspection.get_table_description(cursor, table)]
            columns[f"tables/{table}"] = names
            with (content / "tables" / table).open("wb") as out, cursor.copy(_copy(table, names, "TO STDOUT")) as rows:
                for block in rows:
                    out.write(block)
    return columns


def _copy(table: str, columns: list[str], direction: str) -> str:
    quote = connection.ops.quote_name
    return f"COPY {quote(table)} ({', '.join(map(quote, columns))}) {direction}"


def _add(tar: tarfile.TarFile, name: str, content: Any) -> None:
    member = tarfile.TarInfo(name)
    member.size = content.seek(0, os.SEEK_END)
    content.seek(0)
    member.mode = 0o600
    tar.addfile(member, content)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- restoring --------------------------------------------------------------------------------------------------------


def _refuse_existing(data_dir: Path) -> None:
    """A new folder and a new database; the settings alone make a secret key and an empty database file."""
    there = [name for name in ("ssh/id_ed25519", "run/serve.lock") if data_dir.joinpath(name).exists()]
    if there:
        raise CommandError(
            f"{data_dir} is in use: it has {there[0]}. Set KVMWEB_DATA_DIR to a new folder to restore into."
        )
    if connection.introspection.table_names():
        raise CommandError("The database already has tables. Restore into an empty one; nothing is overwritten.")


def _read_manifest(tar: tarfile.TarFile, file: Path) -> dict[str, Any]:
    first = tar.next()
    content = tar.extractfile(first) if first is not None and first.name == MANIFEST and first.isreg() else None
    try:
        manifest: dict[str, Any] = json.loads(content.read() if content else b"")
        version, vendor, files = manifest["kvmweb_backup"], manifest["database"], manifest["files"]
        schema = {(app, name) for app, name in manifest["schema"]}
        strange = [name for name in files if not _KNOWN.fullmatch(name)]
    except (ValueError, KeyError, TypeError):
        raise CommandError(f"{file} is not a backup of kvmweb.") from None
    if version != VERSION:
        raise CommandError(f"{file} has backup format {version}; this release reads format {VERSION}.")
    if strange:
        raise CommandError(f"{file} lists a file that does not belong in a backup: {strange[0]!r}.")
    if vendor != connection.vendor:
        raise CommandError(
            f"{file} contains a {vendor} database, but the settings name a {connection.vendor} database."
        )
    here = set(MigrationLoader(None).disk_migrations or {})
    if later := sorted(schema - here):
        raise CommandError(f"{file} was made by a newer release: this one does not know {'.'.join(later[0])}.")
    missing = sorted(here - schema)
    if missing and vendor == "postgresql":  # SQLite's file is brought up to date afterwards
        raise CommandError(f"{file} was made before {'.'.join(missing[0])}. Restore it with the release that made it.")
    return manifest


def _extract(tar: tarfile.TarFile, files: Files, content: Path, file: Path) -> None:
    """Exactly what the manifest names, plain files only, each as it was."""
    left = set(files)
    for member in tar:
        if member.name == MANIFEST:
            continue
        source = tar.extractfile(member) if member.isreg() and member.name in left else None
        if source is None:
            raise CommandError(f"{file} contains a file that its manifest does not list: {member.name!r}.")
        left.discard(member.name)
        target = content / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            while block := source.read(_MOST_BYTES_AT_ONCE):
                out.write(block)
        if _digest(target) != files[member.name]["sha256"]:
            raise CommandError(f"{file} is damaged: the checksum of {member.name} is wrong.")
    if left:
        raise CommandError(f"{file} is damaged: {min(left)} is missing.")


def _check_sqlite(path: Path, file: Path) -> None:
    said = ""
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as database:
        said = str(database.execute("PRAGMA integrity_check").fetchone()[0])
    if said != "ok":
        raise CommandError(f"The database in {file} is damaged: {said or 'it is not an SQLite database'}.")


def _load_postgresql(content: Path, files: Files) -> None:
    """After `migrate`: the rows that it makes are replaced too, in one transaction."""
    from django.apps import apps
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    tables = {name.removeprefix("tables/"): known["columns"] for name, known in files.items() if "columns" in known}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(map(connection.ops.quote_name, sorted(tables)))}")
        for table, columns in tables.items():
            with (
                (content / "tables" / table).open("rb") as rows,
                cursor.copy(_copy(table, columns, "FROM STDIN")) as copy,
            ):
                while block := rows.read(_MOST_BYTES_AT_ONCE):
                    copy.write(block)
        for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models(include_auto_created=True)):
            cursor.execute(statement)
