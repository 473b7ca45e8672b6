"""How a migration went, beside its forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.ui import units
from migrations_app.domain.forecast import Forecast
from migrations_app.words.felt import felt_words
from migrations_app.words.forecast import foreseen_downtime, foreseen_transfer

if TYPE_CHECKING:
    from migrations_app.models import Migration


def outcome_times(migration: Migration) -> list[tuple[str, str]]:
    """(what, words) of a migration that ended well: what was measured, beside the forecast at its start."""
    seen = Forecast.from_json(migration.forecast)
    lines = [("Took", f"{units.duration(migration.whole_ms)} from the request until it was verified")]
    if migration.kind_row.stops:
        return [*lines, ("Interruption", _interruption(migration, seen))]
    if migration.kind_row.cold:
        return lines
    if migration.copying_ms is not None:
        lines.append(("Transfer", units.duration(migration.copying_ms) + _foreseen_copying(seen)))
    if migration.kind_row.same_host or migration.kind_row.starts_paused:
        return lines
    lines.append(("Downtime", _downtime(migration, seen)))
    if migration.felt or migration.felt_reason:
        lines.append(("Felt downtime", felt_words(migration)))
    return lines


def _downtime(migration: Migration, seen: Forecast | None) -> str:
    """As libvirt reports it."""
    if migration.downtime_ms is None:
        return f"not reported by libvirt{' after post-copy' if migration.post_copy_at else ''}"
    whole = units.duration(migration.downtime_ms)
    if migration.suspended:
        return f"{whole}, with the time it was suspended by somebody"
    if migration.paused_by_policy:
        return f"{whole}, with the time it was paused by its policy"
    if migration.kind_row.pauses:
        return f"{whole}, the time it was paused for the migration"
    stood = foreseen_downtime(seen)
    return f"{migration.downtime_ms} ms{f', expected {stood}' if stood else ''}"


def _foreseen_copying(seen: Forecast | None) -> str:
    expected = foreseen_transfer(seen)
    return f", expected {expected}" if expected else ""


def _interruption(migration: Migration, seen: Forecast | None) -> str:
    """Of a VM that was shut down."""
    asked, off, whole = migration.shutdown_asked_at, migration.off_since, migration.downtime_ms
    if whole is None or asked is None:
        return "not measured"
    words = f"{units.duration(whole)} from the request to shut down until it ran on {migration.target}"
    if off is not None:
        words += f"; it was off for {units.duration(whole - (off - asked).total_seconds() * 1000)} of that"
    stood = units.span(seen.downtime_low_ms or 0, seen.downtime_high_ms or 0) if seen else ""
    return f"{words}{f', expected {stood}' if stood else ''}"
