"""How long a migration that runs will still take: by what libvirt counts now, and by what was foreseen of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from migrations_app.domain.forecast.foreseen import Forecast
from migrations_app.domain.forecast.passes import Course, course

#: as long as the rate of a moment is so near to the usual one, that is the better measure of what comes
_AS_USUAL = 0.3
#: how far what the first pass sends may be from what was foreseen, while it is under way
_FIRST_MARGIN = 0.1
_ALLOWED_MS = 300
_MOMENT_MS = 1000
#: at the end QEMU switches over, and libvirt has the VM go on at the destination
_END_MS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """Bytes, bytes per second and milliseconds, as libvirt counts them. `flow_bytes` had come at `flow_ms`, when data
    was first seen. `dirty_bps` None: not counted yet, in the first pass. `pass_ms`: since the newest pass began."""

    sent: int
    left: int
    elapsed_ms: int
    bps: float
    flow_ms: int = 0
    flow_bytes: int = 0
    dirty_bps: float | None = None
    dirty_max_bps: float | None = None
    pass_ms: int = 0
    allowed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """Milliseconds. `high_ms` None beside a low one: no upper bound; `likely_ms` None: nothing says how it goes on."""

    low_ms: int
    likely_ms: int | None = None
    high_ms: int | None = None


def time_left(now: Now, seen: Forecast | None) -> Left:
    bps = _steady(now, seen.rate_bps if seen and seen.runs else None)
    if now.dirty_bps is None:
        return _in_first_pass(now, bps, seen)
    go = partial(_later, now, bps)
    fastest = max(now.dirty_bps, now.dirty_max_bps or 0)
    return Left(round(now.left / bps * 1000), _ms(go(now.dirty_bps)), _ms(go(fastest)))


def _steady(now: Now, usual_bps: float | None) -> float:
    """A moment says little, and the beginning is slow: what this path carries otherwise, or has carried until now."""
    flowing_ms = now.elapsed_ms - now.flow_ms
    mean = (now.sent - now.flow_bytes) * 1000 / flowing_ms if flowing_ms > _MOMENT_MS else None
    for bps in (usual_bps if now.dirty_bps is None else None, mean):
        if bps and abs(bps / now.bps - 1) <= _AS_USUAL:
            return bps
    return now.bps


def _in_first_pass(now: Now, bps: float, seen: Forecast | None) -> Left:
    """Pages of zeros are not sent: what is left of the pass is less than what is left of the memory."""
    if seen is None or not seen.first_bytes or seen.dirty_bps is None:
        return Left(round(now.left / bps * 1000))
    rest = max(seen.first_bytes - now.sent, 0)
    # before any migration was seen, between nothing more and all of the memory
    margin = _FIRST_MARGIN * seen.first_bytes if seen.runs else seen.first_bytes + now.left

    def go(rest: float, dirty_bps: float | None) -> Course:
        rest = min(max(rest, 0), now.left)
        return course(
            rest,
            bps=bps,
            dirty_bps=dirty_bps or 0,
            before_s=now.elapsed_ms / 1000,
            allowed_s=(now.allowed_ms or _ALLOWED_MS) / 1000,
        )

    low = _ms(go(rest - margin, seen.dirty_low_bps))
    likely, high = _ms(go(rest, seen.dirty_bps)), _ms(go(rest + margin, seen.dirty_high_bps))
    if likely is not None:  # part of what the model is wrong by has passed: the beginning is slow
        likely = round(likely * (1 + (seen.correction - 1) / 2))
    if likely is not None and seen.likely_ms is not None and bps == seen.rate_bps:
        # by all that was foreseen, and by what is counted now: each is wrong in its own way
        likely = (likely + max(round(seen.likely_ms) - now.elapsed_ms, 0)) // 2
    if high is not None:
        high = max(high, likely or 0)
    return Left(min(low or 0, likely or low or 0), likely, high)


def _later(now: Now, bps: float, dirty_bps: float) -> Course:
    return course(
        now.left,
        bps=bps,
        dirty_bps=dirty_bps,
        before_s=now.pass_ms / 1000,
        allowed_s=(now.allowed_ms or _ALLOWED_MS) / 1000,
    )


def _ms(seen: Course) -> int | None:
    return round(seen.seconds * 1000) + _END_MS if seen.ends else None
