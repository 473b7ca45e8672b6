"""How a migration went, beside its forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.ui import units
from migrations_app.domain.forecast import Forecast
from migrations_app.words.forecast import foreseen_downtime

if TYPE_CHECKING:
    from migrations_app.models import Migration


def outcome_times(migration: Migration) -> list[tuple[str, str]]:
    """(what, words) of a migration that ended well: what was measured, beside the forecast at its start."""
    seen = Forecast.from_json(migration.forecast)
    lines = [("Took", f"{units.duration(migration.whole_ms)} from the request until it was verified")]
    if migration.kind_row.cold:
        return lines
    if migration.copying_ms is not None:
        lines.append(("Transfer", units.duration(migration.copying_ms) + _foreseen_copying(seen)))
    if migration.kind_row.same_host or migration.kind_row.starts_paused:
        return lines
    if migration.downtime_ms is None:
        return [*lines, ("Downtime", "not reported by libvirt")]
    if migration.suspended:
        text = f"{units.duration(migration.downtime_ms)}, with the time it was suspended by somebody"
        return [*lines, ("Downtime", text)]
    if migration.paused_by_policy:
        text = f"{units.duration(migration.downtime_ms)}, with the time it was paused by its policy"
        return [*lines, ("Downtime", text)]
    if migration.kind_row.pauses:
        text = f"{units.duration(migration.downtime_ms)}, the time it was paused for the migration"
        return [*lines, ("Downtime", text)]
    stood = foreseen_downtime(seen)
    return [*lines, ("Downtime", f"{migration.downtime_ms} ms{f', expected {stood}' if stood else ''}")]


def _foreseen_copying(seen: Forecast | None) -> str:
    if seen is None or seen.high_ms is None:
        return ""
    if seen.low_ms is None:
        return f", expected about {units.duration(seen.high_ms)} for one pass"
    return f", expected {units.span(seen.low_ms, seen.high_ms)}"
