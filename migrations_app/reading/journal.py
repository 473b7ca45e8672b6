"""The journal, and that of one migration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hosts.reading.veil import veil_for
from kvmweb.journal.models import Entry, EntryKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from migrations_app.models import Migration


def whole_journal(topic: str = "") -> QuerySet[Entry]:
    """All entries; those of one topic when it is given."""
    rows = Entry.objects.exclude(kind=EntryKind.SIGNAL)
    return rows.filter(topic=topic) if topic else rows


def record_of(migration: Migration) -> QuerySet[Entry]:
    """All entries including progress, oldest first."""
    return Entry.objects.filter(topic=migration.topic).exclude(kind=EntryKind.SIGNAL).order_by("id")


def told(user: Any, migration: Migration, entries: Sequence[Entry]) -> Sequence[Entry]:
    """As this user may read them. They are not for saving."""
    veil = veil_for(user, migration.source_id, migration.target_id)
    for entry in entries:
        entry.text, entry.reason, entry.body = veil(entry.text), veil(entry.reason), veil(entry.body)
    return entries


def journal_of(migration: Migration) -> list[Entry]:
    """All entries without progress, oldest first."""
    return list(record_of(migration).exclude(kind=EntryKind.PROGRESS))


def states_of(entries: Sequence[Entry]) -> list[str]:
    return [entry.body["state"] for entry in entries if entry.kind == EntryKind.STATE and "state" in entry.body]
