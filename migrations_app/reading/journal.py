"""The journal, that of one migration, and its samples for the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.journal.models import Entry, EntryKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from migrations_app.models import Migration

MOST_SAMPLES = 600


def whole_journal(topic: str = "") -> QuerySet[Entry]:
    """All entries; those of one topic when it is given."""
    rows = Entry.objects.exclude(kind=EntryKind.SIGNAL)
    return rows.filter(topic=topic) if topic else rows


def record_of(migration: Migration) -> QuerySet[Entry]:
    """All entries including progress, oldest first."""
    return Entry.objects.filter(topic=migration.topic).exclude(kind=EntryKind.SIGNAL).order_by("id")


def journal_of(migration: Migration) -> list[Entry]:
    """All entries without progress, oldest first."""
    return list(record_of(migration).exclude(kind=EntryKind.PROGRESS))


def states_of(entries: Sequence[Entry]) -> list[str]:
    return [entry.body["state"] for entry in entries if entry.kind == EntryKind.STATE and "state" in entry.body]


def samples_of(migration: Migration) -> list[list[float | None]]:
    """Columns for the graph: unix seconds, memory rate and dirty rate in bytes per second. Thinned evenly."""
    rows = list(
        Entry.objects.filter(topic=migration.topic, kind=EntryKind.PROGRESS)
        .order_by("id")
        .values_list("created", "body")
    )
    step = max(1, -(-len(rows) // MOST_SAMPLES))
    columns: list[list[float | None]] = [[], [], []]
    for created, body in rows[::step]:
        columns[0].append(round(created.timestamp(), 3))
        columns[1].append(body.get("rate_bps"))
        columns[2].append(body.get("dirty_bps"))
    return columns
