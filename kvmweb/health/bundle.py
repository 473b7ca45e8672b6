"""The support bundle: what somebody who helps needs to know about an installation, without its secrets.

A zip of JSON files, one per entry of `CONTENTS`. What cannot be read is replaced by the reason.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import Error, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from hosts.models import Host
from kvmweb.health import report, scrub
from kvmweb.journal.models import Entry, EntryKind
from migrations_app.api.answers import EntryOut, MigrationOut
from migrations_app.models import Migration
from migrations_app.reading.journal import record_of

log = logging.getLogger(__name__)
MOST_ENTRIES = 2000
MOST_MIGRATIONS = 30
MOST_OF_ONE = 500
#: what may leave; a new setting is left out until somebody has decided that it is no secret
SETTINGS = (
    *("data_dir", "allowed_hosts", "trusted_origins", "trusted_proxies", "https", "debug", "log_level"),
    *("session_idle_minutes", "session_hours", "refresh_seconds", "host_deadline_seconds", "forget_days"),
    *("rollback_reminder_days", "max_migrations", "max_migrations_out", "max_migrations_in"),
    *("email_server", "email_port", "email_tls", "email_from", "email_url"),
    *("queue_poll_seconds", "queue_timeout_seconds", "queue_retry_seconds"),
)
_FACTS = (
    *("name", "transport", "address", "port", "user", "peer_address", "peer_transport", "peer_user"),
    *("migration_address", "fingerprint", "offered_fingerprint", "contact", "contact_text", "contact_details"),
    *("contact_since", "contact_losses", "seen_at", "hostname", "host_uuid", "libvirt_version", "qemu_version"),
    *("arch", "cpus", "cpu_model", "cpu_vendor", "memory_total_kib", "memory_free_kib"),
)
_README = """This is a support bundle of kvmweb, made {at}.

It has names and addresses of hosts, names of VMs and users, and reasons that users gave.
It has no passwords, tokens, keys or hashes of them: known secrets, and what looks like one, are replaced by {gone}.
Read it before you pass it on.

{files}
"""


def _versions() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "database": {"kind": connection.vendor, "version": _database_version()},
        "schema": [f"{app}.{name}" for app, name in sorted(MigrationRecorder(connection).applied_migrations())],
        "packages": {one.name: one.version for one in sorted(metadata.distributions(), key=lambda one: one.name)},
    }


def _database_version() -> str:
    connection.ensure_connection()
    return ".".join(map(str, connection.get_database_version()))


def _settings() -> dict[str, Any]:
    values = settings.KVMWEB.model_dump(mode="json", include=set(SETTINGS))
    return {"shown": values, "left_out": sorted(type(settings.KVMWEB).model_fields.keys() - values.keys())}


def _health() -> list[dict[str, Any]]:
    return [{"name": row.name, "state": row.state, "text": row.text} for row in report.rows()]


def _hosts() -> list[dict[str, Any]]:
    return list(Host.objects.order_by("name").values(*_FACTS))


def _journal() -> list[dict[str, Any]]:
    """The tail without progress, oldest first."""
    rows = Entry.objects.exclude(kind__in=(EntryKind.SIGNAL, EntryKind.PROGRESS)).order_by("-id")[:MOST_ENTRIES]
    return [{"topic": entry.topic, **_entry(entry)} for entry in reversed(rows)]


def _migrations() -> list[dict[str, Any]]:
    """The newest first, each with the steps on its hosts and the end of its journal."""
    rows = Migration.objects.shown().defer("source_xml", "checkpoints").order_by("-id")[:MOST_MIGRATIONS]
    return [
        {
            "migration": MigrationOut.from_orm(row).model_dump(mode="json"),
            "steps": row.steps,
            "journal": [_entry(entry) for entry in reversed(record_of(row).reverse()[:MOST_OF_ONE])],
        }
        for row in rows
    ]


def _entry(entry: Entry) -> dict[str, Any]:
    return EntryOut.from_orm(entry).model_dump(mode="json")


CONTENTS: dict[str, tuple[str, Callable[[], Any]]] = {
    "versions.json": ("versions of Python, system, database, its schema and packages", _versions),
    "settings.json": ("settings that are no secret", _settings),
    "health.json": ("the rows of the page Health", _health),
    "hosts.json": ("hosts: how they are reached, and what they are", _hosts),
    "journal.json": (f"the last {MOST_ENTRIES} entries of the journal", _journal),
    "migrations.json": (f"the last {MOST_MIGRATIONS} migrations with their journals", _migrations),
}


def write(file: IO[bytes]) -> None:
    scrubber = scrub.own()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        files = "\n".join(f"{name}: {about}" for name, (about, _) in CONTENTS.items())
        at = timezone.now().isoformat(timespec="seconds")
        archive.writestr("README.txt", _README.format(at=at, gone=scrub.GONE, files=files))
        for name, (_, content) in CONTENTS.items():
            # first as JSON knows it, so that no type of Python passes by unread
            value = json.loads(json.dumps(_read(name, content), cls=DjangoJSONEncoder))
            archive.writestr(name, json.dumps(scrubber.clean(value), indent=1, ensure_ascii=False))


def make(file: Path) -> None:
    """For its owner only. Refuses a file that exists; leaves no unfinished file."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError(f"{file} already exists. Choose another name.") from None
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb") as raw:
            write(raw)
    except BaseException as error:
        file.unlink()
        if isinstance(error, OSError):
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from None
        raise


def _read(name: str, content: Callable[[], Any]) -> Any:
    """A bundle is wanted most when something does not work."""
    try:
        return content()
    except Exception as error:
        log.warning("support bundle: %s could not be read", name, exc_info=True)
        # what others say may have the beginning of a secret, which nobody could recognise
        said = f": {error}" if isinstance(error, Error) else ""
        return {"could_not_be_read": f"{type(error).__name__}{said}"}
