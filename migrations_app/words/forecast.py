"""What is foreseen of a move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.ui import units

if TYPE_CHECKING:
    from migrations_app.domain.forecast import Forecast


def forecast_words(guest: str, seen: Forecast | None) -> list[tuple[str, str]]:
    """(what, words): how long copying takes, how long the VM stands still, whether it ends. [] without a forecast."""
    if seen is None:
        return []
    if seen.high_ms is None:
        takes = "Not known: its disks were not copied this way before."
    elif seen.low_ms is None:
        takes = f"About {units.duration(seen.high_ms)} for one pass over all of its memory; longer if it writes much."
    else:
        takes = f"{_first_upper(units.span(seen.low_ms, seen.high_ms))}, for what it sent in its earlier moves."
    lines = [("Copying takes", takes)]
    if seen.paused:
        return lines
    if stood := foreseen_downtime(seen):
        lines.append(("Stands still", f"{_first_upper(stood)}, by what was felt before."))
    carried = f"the link carried {units.rate(seen.bps)}"
    if seen.limit_bps is not None and seen.limit_bps < seen.bps:
        carried = f"at most {units.rate(seen.limit_bps)} may be sent"
    if seen.ends is None or not seen.dirty_bps:
        ends = f"Not known: how fast {guest} writes to its memory was not seen yet; {carried}."
    elif seen.ends:
        ends = f"It did before: it wrote {units.rate(seen.dirty_bps)} and {carried}."
    else:
        ends = f"Not certain: it wrote {units.rate(seen.dirty_bps)} and {carried}."
        ends += " Auto-converge or a longer downtime lets it end."
    return [*lines, ("Will it end", ends)]


def foreseen_downtime(seen: Forecast | None) -> str:
    if seen is None or seen.downtime_low_ms is None or seen.downtime_high_ms is None:
        return ""
    return units.downtime(seen.downtime_low_ms, seen.downtime_high_ms)


def _first_upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
