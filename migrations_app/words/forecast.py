"""What to expect of a migration, and from what that is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from kvmweb.ui import units
from migrations_app.domain.convergence.policy import LastResort
from migrations_app.domain.forecast import DirtyFrom, Ending, RateFrom
from migrations_app.domain.forecast.proposal import BY_DOWNTIME

if TYPE_CHECKING:
    from migrations_app.domain.forecast import Forecast

_FIRST = (
    "kvmweb has not watched a migration with this method between these hosts yet. It knows only the nominal rate of the"
    " source’s network interface: the path may carry far less."
)
_ENDS_BY = {
    BY_DOWNTIME: "it allows a longer downtime.",
    LastResort.FINISH: "in the end it pauses the VM until the rest is copied.",
    LastResort.THROTTLE: "it slows the VM’s CPUs down.",
    LastResort.POST_COPY: "the VM continues on the destination before all its memory is there. From then until the end,"
    " losing either host loses the VM.",
}
_NO_POLICY = "None is likely to end it: the VM’s owners or these hosts do not allow what it takes."


def forecast_words(guest: str, seen: Forecast | None) -> list[tuple[str, str]]:
    """(label, words) for the transfer, the downtime and whether it converges. [] without a forecast."""
    if seen is None:
        return []
    if seen.stops:
        return [("Expected interruption", _first_upper(interruption_words(seen)))]
    lines = [("Transfer", transfer_words(seen))]
    if seen.paused:
        return lines
    if seen.pauses:
        return [*lines, ("Expected downtime", "As long as its memory takes to copy: the VM is paused meanwhile.")]
    if stood := foreseen_downtime(seen):
        lines.append(("Expected downtime", stood))
    lines.append(("Converges", _converges(guest, seen)))
    if policy := _policy(seen):
        lines.append(("Policy", policy))
    return lines


def _policy(seen: Forecast) -> str:
    if seen.proposes:
        how = _ENDS_BY.get(seen.proposes_by)
        return f"“{seen.proposes}” is likely to end it{f': {how}' if how else '.'}"
    return _NO_POLICY if seen.verdict == Ending.NEEDS_HELP else ""


def rests_on(seen: Forecast | None) -> str:
    """What a forecast was made from."""
    if seen is None:
        return ""
    if seen.rate_from == RateFrom.PROBE:
        return _by_probe(seen)
    if not seen.runs:
        return _FIRST if seen.rate_from == RateFrom.NOMINAL else ""
    earlier = f"{seen.runs} earlier migration{'' if seen.runs == 1 else 's'} between these hosts"
    measured = " and the dirty rate measured by the check" if seen.dirty_from == DirtyFrom.MEASURED else ""
    return f"Based on {earlier}{measured}; not guaranteed."


def _by_probe(seen: Forecast) -> str:
    when = datetime.fromisoformat(seen.rate_at).strftime("%Y-%m-%d %H:%M UTC")
    rate = f"The path’s rate was measured by a probe stream at {when}; a migration may get less of it."
    if not seen.runs:
        return f"{rate} kvmweb has not watched a migration with this method between these hosts yet."
    return f"{rate} {rests_on(replace(seen, rate_from=RateFrom.TRANSFERS))}"


def transfer_words(seen: Forecast) -> str:
    """Of a VM that is not shut down."""
    if seen.verdict == Ending.NEEDS_HELP:
        return "Does not end by itself."
    if seen.verdict == Ending.UNCERTAIN and seen.low_ms is not None:
        return f"{units.duration(seen.low_ms)} or longer{_most_likely(seen)}."
    if seen.high_ms is None:
        if seen.low_ms is not None:
            return f"{units.duration(seen.low_ms)} or longer."
        return "Unknown: its disks were not copied between these hosts before."
    if seen.low_ms is None and seen.pauses:
        return f"About {units.duration(seen.high_ms)} for its memory."
    if seen.low_ms is None:
        return f"About {units.duration(seen.high_ms)} for one pass over its memory; longer if its memory changes fast."
    return _first_upper(units.span(seen.low_ms, seen.high_ms)) + _most_likely(seen)


def _most_likely(seen: Forecast) -> str:
    return "" if seen.likely_ms is None else f", most likely {units.duration(seen.likely_ms)}"


def _converges(guest: str, seen: Forecast) -> str:
    carried = f"the transfer rate was {units.rate(seen.bps)}"
    nominal = seen.rate_from == RateFrom.NOMINAL
    if nominal:
        carried = f"the path carries at most {units.rate(seen.rate_bps)}"
    elif seen.rate_from == RateFrom.PROBE:
        carried = f"the path carried {units.rate(seen.bps)}"
    if seen.limit_bps is not None and seen.limit_bps < seen.bps:
        carried = f"the bandwidth limit is {units.rate(seen.limit_bps)}"
    if seen.dirty_bps is None or not (seen.dirty_bps or seen.verdict):
        return f"Unknown: the dirty rate of {guest} was not measured yet; {carried}."
    changes = "changes" if seen.dirty_from == DirtyFrom.MEASURED else "changed"
    said = f"memory {changes} at {_dirty_rate(seen)}, {carried}."
    if seen.verdict == Ending.NEEDS_HELP:
        return f"No: {said} It needs auto-converge, a longer allowed downtime or post-copy."
    if seen.ends:
        return f"Likely: {said}"
    if nominal:
        return f"Uncertain: {said} How much less it carries was not measured."
    return f"Uncertain: {said} Auto-converge or a longer allowed downtime can help."


def _dirty_rate(seen: Forecast) -> str:
    if seen.dirty_low_bps is None or seen.dirty_high_bps is None:
        return units.rate(seen.dirty_bps)
    low, high = units.rate(seen.dirty_low_bps), units.rate(seen.dirty_high_bps)
    return low if low == high else f"{low} to {high}"


def foreseen_downtime(seen: Forecast | None) -> str:
    if seen is None or seen.downtime_low_ms is None or seen.downtime_high_ms is None:
        return ""
    return units.downtime(seen.downtime_low_ms, seen.downtime_high_ms)


def foreseen_transfer(seen: Forecast | None) -> str:
    """As a range; "" without one."""
    if seen is None or seen.stops or (seen.high_ms is None and seen.low_ms is None):
        return ""
    if seen.high_ms is None:
        return f"{units.duration(seen.low_ms)} or longer"
    if seen.low_ms is None:
        return f"about {units.duration(seen.high_ms)} for one pass"
    return units.span(seen.low_ms, seen.high_ms)


def interruption_words(seen: Forecast) -> str:
    """Of a VM that is shut down."""
    length = units.span(seen.downtime_low_ms or 0, seen.downtime_high_ms or 0)
    if seen.runs:
        return f"{length}, as measured before."
    return f"{length}: until it has shut down, and until it runs again. It was not measured yet."


def _first_upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
