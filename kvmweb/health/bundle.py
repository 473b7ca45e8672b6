"""A support bundle: what somebody who helps needs to know of an installation, without its secrets.

A gzipped tar of JSON files. Settings are listed by name, so that a new one is left out until it is known to be
harmless; and whatever looks like a secret is removed from every file, because people write them into reasons and names.
"""

from __future__ import annotations

import io
import json
import os
import platform
import re
import tarfile
import time
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import QuerySet
from django.utils import timezone

from hosts.models import Host
from kvmweb.health.signs import look
from kvmweb.journal.models import Entry, EntryKind

MOST_ENTRIES, MOST_MIGRATIONS = 5000, 200
REMOVED = "[removed]"
#: neither secret nor able to contain one
_SETTINGS = (
    "data_dir", "allowed_hosts", "trusted_origins", "trusted_proxies", "https", "session_idle_minutes", "session_hours",
    "debug", "log_level", "refresh_seconds", "host_deadline_seconds", "forget_days", "rollback_reminder_days",
    "max_migrations", "max_migrations_out", "max_migrations_in", "queue_poll_seconds", "queue_timeout_seconds",
    "queue_retry_seconds",
)  # fmt: skip
_HOST = (
    "id", "name", "transport", "address", "port", "user", "peer_address", "peer_transport", "peer_user",
    "migration_address", "contact", "contact_text", "contact_details", "contact_since", "seen_at", "hostname",
    "host_uuid", "libvirt_version", "qemu_version", "arch", "cpus", "cpu_model", "memory_total_kib", "memory_free_kib",
)  # fmt: skip
_MIGRATION = (
    "id", "guest_id", "guest_name", "source_id", "target_id", "kind", "options", "state", "state_text", "state_since",
    "requested_at", "started_at", "finished_at", "epoch", "call_made", "job_over", "verdict", "findings",
)  # fmt: skip
#: of values that are secret whatever they are
_NAMES = re.compile(r"(?i)passw|secret|token|private")
_SECRETS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"\bkvmweb_[A-Za-z0-9_-]{16,}"),
    re.compile(r"(?<=://)[^\s/@\"']+:[^\s/@\"']*(?=@)"),
    re.compile(r"(?i)(?<=passwd=)(?:'[^']*'|\\?\"[^\"]*\"|\S+)"),
    re.compile(r"(?i)(?<=password=)(?:'[^']*'|\\?\"[^\"]*\"|\S+)"),
)


def make(user: Any) -> bytes:
    """`user`: who sees the hosts that the health page names."""
    files = {
        "README.txt": _README,
        "versions.json": _versions(),
        "settings.json": _settings(),
        "health.json": asdict(look(user)),
        "hosts.json": list(Host.objects.order_by("pk").values(*_HOST)),
        "migrations.json": list(_migrations().order_by("-pk").values(*_MIGRATION)[:MOST_MIGRATIONS]),
        "journal.json": list(
            Entry.objects.exclude(kind=EntryKind.SIGNAL)
            .order_by("-pk")
            .values("id", "created", "topic", "kind", "text", "body", "actor_name", "reason")[:MOST_ENTRIES]
        ),
    }
    known = _known_secrets()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            _add(tar, name, cleaned(content, known))
    return out.getvalue()


def _migrations() -> QuerySet[Any]:
    rows: QuerySet[Any] = apps.get_model("migrations_app", "Migration").objects.all()
    return rows


def file_name() -> str:
    return f"kvmweb-support-{timezone.now():%Y%m%d-%H%M%S}.tar.gz"


def cleaned(content: Any, known: tuple[str, ...] = ()) -> Any:
    """Without what looks like a secret, in every text of it, also in the names of its parts."""
    if isinstance(content, str):
        for secret in known:
            content = content.replace(secret, REMOVED)
        for pattern in _SECRETS:
            content = pattern.sub(REMOVED, content)
        return content
    if isinstance(content, dict):
        return {
            cleaned(str(key), known): REMOVED if _NAMES.search(str(key)) else cleaned(value, known)
            for key, value in content.items()
        }
    if isinstance(content, list | tuple):
        return [cleaned(value, known) for value in content]
    return content


def _known_secrets() -> tuple[str, ...]:
    """Those of this installation, as they are: longer ones first."""
    url = settings.KVMWEB.database_url
    found = {settings.SECRET_KEY, *([str(url), *(host["password"] or "" for host in url.hosts())] if url else [])}
    found |= {str(settings.DATABASES["default"].get("PASSWORD") or "")}
    for path in (settings.KVMWEB.data_dir / "ssh").glob("*"):
        if path.suffix != ".pub" and path.is_file():
            found |= {line for line in path.read_text(errors="replace").splitlines() if len(line) > 20}
    return tuple(sorted((secret for secret in found if len(secret) >= 4), key=len, reverse=True))


def _versions() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version()" if connection.vendor == "postgresql" else "SELECT sqlite_version()")
        server = str(cursor.fetchone()[0])
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "database": {"kind": connection.vendor, "version": server},
        "packages": {found.metadata["Name"]: found.version for found in distributions()},
        "schema": sorted(map(list, MigrationRecorder(connection).applied_migrations())),
    }


def _settings() -> dict[str, Any]:
    values = {name: getattr(settings.KVMWEB, name) for name in _SETTINGS}
    return values | {"data_dir": str(values["data_dir"]), "database": connection.vendor}


def _add(tar: tarfile.TarFile, name: str, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content, cls=DjangoJSONEncoder, indent=1)
    data = text.encode("utf-8", "replace")
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(data), 0o600, int(time.time())
    tar.addfile(member, io.BytesIO(data))


def write(file: Path, user: Any) -> None:
    """Raises OSError, also when the file exists."""
    content = make(user)
    with open(file, "xb", opener=_private) as out:
        out.write(content)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


_README = """\
A support bundle of kvmweb, made by an admin. It names hosts, their addresses, VMs and users, but has no passwords, keys
or tokens: what looks like one was replaced by [removed]. Read it before you give it to somebody else.

versions.json    Python, packages, database, schema
settings.json    settings, without the database's address
health.json      what the health page shows
hosts.json       hosts as they were last seen
migrations.json  the last migrations, without the definitions of their VMs
journal.json     the last entries of the journal, newest first

kvmweb writes its log to standard error. As a service it is in the system's journal: journalctl -u kvmweb
"""
