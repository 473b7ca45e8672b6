"""What came of a move, beside what was foreseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.ui import units
from migrations_app.domain.forecast import Forecast
from migrations_app.words.forecast import foreseen_downtime

if TYPE_CHECKING:
    from migrations_app.models import Migration


def outcome_times(migration: Migration) -> list[tuple[str, str]]:
    """(what, words) of a move that ended well: what was true beside what was foreseen when it started."""
    seen = Forecast.from_json(migration.forecast)
    lines = [("Took", f"{units.duration(migration.whole_ms)} from the request to the proof")]
    if migration.copying_ms is not None:
        lines.append(("Copying", units.duration(migration.copying_ms) + _foreseen_copying(seen)))
    if migration.downtime_ms is None:
        return [*lines, ("Downtime", "not reported by libvirt")]
    stood = foreseen_downtime(seen)
    return [*lines, ("Downtime", f"{migration.downtime_ms} ms{f', foreseen {stood}' if stood else ''}")]


def _foreseen_copying(seen: Forecast | None) -> str:
    if seen is None or seen.high_ms is None:
        return ""
    if seen.low_ms is None:
        return f", foreseen about {units.duration(seen.high_ms)} for one pass"
    return f", foreseen {units.span(seen.low_ms, seen.high_ms)}"
