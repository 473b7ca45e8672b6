"""What to expect of a migration, from earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.ui import units

if TYPE_CHECKING:
    from migrations_app.domain.forecast import Forecast


def forecast_words(guest: str, seen: Forecast | None) -> list[tuple[str, str]]:
    """(label, words) for the transfer, the downtime and whether it converges. [] without a forecast."""
    if seen is None:
        return []
    if seen.stops:
        return [("Expected interruption", _first_upper(interruption_words(seen)))]
    if seen.high_ms is None:
        takes = "Unknown: its disks were not copied between these hosts before."
    elif seen.low_ms is None and seen.pauses:
        takes = f"About {units.duration(seen.high_ms)} for its memory."
    elif seen.low_ms is None:
        takes = f"About {units.duration(seen.high_ms)} for one pass over its memory; longer if its memory changes fast."
    else:
        takes = _first_upper(units.span(seen.low_ms, seen.high_ms))
    lines = [("Transfer", takes)]
    if seen.paused:
        return lines
    if seen.pauses:
        return [*lines, ("Expected downtime", "As long as its memory takes to copy: the VM is paused meanwhile.")]
    if stood := foreseen_downtime(seen):
        lines.append(("Expected downtime", stood))
    carried = f"the transfer rate was {units.rate(seen.bps)}"
    if seen.limit_bps is not None and seen.limit_bps < seen.bps:
        carried = f"the bandwidth limit is {units.rate(seen.limit_bps)}"
    if seen.ends is None or not seen.dirty_bps:
        ends = f"Unknown: the dirty rate of {guest} was not measured yet; {carried}."
    elif seen.ends:
        ends = f"Likely: memory changed at {units.rate(seen.dirty_bps)}, {carried}."
    else:
        ends = f"Uncertain: memory changed at {units.rate(seen.dirty_bps)}, {carried}."
        ends += " Auto-converge or a longer allowed downtime can help."
    return [*lines, ("Converges", ends)]


def foreseen_downtime(seen: Forecast | None) -> str:
    if seen is None or seen.downtime_low_ms is None or seen.downtime_high_ms is None:
        return ""
    return units.downtime(seen.downtime_low_ms, seen.downtime_high_ms)


def interruption_words(seen: Forecast) -> str:
    """Of a VM that is shut down."""
    length = units.span(seen.downtime_low_ms or 0, seen.downtime_high_ms or 0)
    if seen.runs:
        return f"{length}, as measured before."
    return f"{length}: until it has shut down, and until it runs again. It was not measured yet."


def _first_upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
