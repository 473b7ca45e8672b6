"""What was measured while a migration ran, from the progress entries of its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kvmweb.journal.models import Entry, EntryKind
from kvmweb.journal.thin import thinned

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from migrations_app.models import Migration

MOST_SAMPLES = 600
#: looks are half a second apart, some a little less
_APART_SECONDS = 0.45
#: after the time, in this order
_COLUMNS = (
    "rate_bps",
    "dirty_bps",
    "iteration",
    "pass_remaining_bytes",
    "allowed_downtime_ms",
    "needed_downtime_ms",
)


def samples_of(migration: Migration) -> list[list[float | None]]:
    """Columns for the graphs: unix seconds; rate and dirty rate, bytes per second; number of the pass; what was left
    when it began, bytes; allowed and needed downtime, ms. Thinned evenly."""
    rows = measured(migration)
    times: list[float | None] = [round(row["created"].timestamp(), 3) for row in rows]
    return [times, *([row[name] for row in rows] for name in _COLUMNS)]


def measured(migration: Migration, most: int = MOST_SAMPLES) -> list[dict[str, Any]]:
    """The same by rows, {"created": datetime, "rate_bps": …}."""
    entries = Entry.objects.filter(topic=migration.topic, kind=EntryKind.PROGRESS).order_by("id")
    return _rows(entries, thinned(list(entries.values_list("id", "created")), most))


def recorded(migration: Migration) -> list[dict[str, Any]]:
    """The same, at most two a second: there are more while short passes begin."""
    rows: list[dict[str, Any]] = []
    for row in measured(migration):
        if not rows or (row["created"] - rows[-1]["created"]).total_seconds() >= _APART_SECONDS:
            rows.append(row)
    return rows


def _rows(entries: QuerySet[Entry], ids: list[int]) -> list[dict[str, Any]]:
    found = entries.filter(pk__in=ids).values_list("created", "body")
    return [{"created": created, **{name: body.get(name) for name in _COLUMNS}} for created, body in found]


def passes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first row of each pass that tells what was left when it began."""
    first: dict[int, dict[str, Any]] = {}
    for row in rows:
        if row["pass_remaining_bytes"] is not None:
            first.setdefault(row["iteration"], row)
    return list(first.values())
