"""Everything that is known of one migration, to keep and to send: as it was asked for, as it went, as it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kvmweb.journal.models import Entry, EntryKind
from migrations_app.domain.definition.shown import shown
from migrations_app.models import Decision, Migration, Order
from migrations_app.reading.journal import record_of, told
from migrations_app.reading.orders import orders_of
from migrations_app.reading.policies import decisions_of
from migrations_app.reading.samples import recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What was measured of a migration that has ended; None: nothing was."""

    duration_ms: int | None
    downtime_ms: int | None
    transferred_bytes: int | None
    rate_bps: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightRecord:
    """`versions`: see models.Recorded. The definitions are without secrets; "" is not known. `samples`: see
    reading.samples.recorded. `journal`: without the samples."""

    migration: Migration
    versions: dict[str, dict[str, str]]
    definition_before: str
    definition_after: str
    truth: Truth | None
    orders: Sequence[Order]
    decisions: Sequence[Decision]
    samples: Sequence[dict[str, Any]]
    journal: Sequence[Entry]


def flight_record(user: Any, migration: Migration) -> FlightRecord:
    """`migration` as `migration_of` reads it."""
    return FlightRecord(
        migration=migration,
        versions=migration.versions,
        definition_before=shown(migration.source_xml),
        definition_after=shown(migration.target_xml),
        truth=_truth(migration),
        orders=list(orders_of(migration)),
        decisions=list(decisions_of(migration)),
        samples=recorded(migration),
        journal=told(user, migration, list(record_of(migration).exclude(kind=EntryKind.PROGRESS))),
    )


def _truth(migration: Migration) -> Truth | None:
    if not migration.terminal:
        return None
    return Truth(
        duration_ms=migration.copying_ms,
        downtime_ms=migration.downtime_ms,
        transferred_bytes=migration.progress.get("transferred_bytes"),
        rate_bps=migration.progress.get("rate_bps"),
    )
