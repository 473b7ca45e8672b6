"""Whether passes still come closer to the end. What is left is trusted only when a pass begins."""

from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.convergence.policy import Policy
from migrations_app.domain.convergence.track import Pass, Track
from migrations_app.domain.progress import Progress

#: so much less than before is progress
BETTER_PERCENT = 4
#: so much above the lowest is still a local minimum
NEAR_PERCENT = 4
#: a pass says nothing when the network was down for more of it
MOST_DOWN_PERCENT = 10
MOST_LOWS = 64


def judge(policy: Policy, track: Track, progress: Progress) -> Track:
    """The track with the newest pass, if one has begun since the last look."""
    at, remaining = progress.pass_at_ms, progress.pass_remaining_bytes
    if at is None or remaining is None or at == track.pass_at_ms:
        return track
    took = None if track.pass_at_ms is None else at - track.pass_at_ms
    trusted = took is None or track.down_ms * 100 <= took * MOST_DOWN_PERCENT
    track = replace(track, pass_at_ms=at, down_ms=0)
    if not trusted:
        return track
    return _judged(policy, track, Pass(number=progress.iteration or 0, at_ms=track.clock_ms, remaining_bytes=remaining))


def best_before(policy: Policy, track: Track) -> Pass | None:
    """The best pass before the stall window of the newest one."""
    if track.newest is None:
        return None
    before = track.newest.at_ms - policy.stall_window_s * 1000
    return next((one for one in reversed(track.lows) if one.at_ms <= before), None)


def at_minimum(track: Track, remaining_bytes: int) -> bool:
    """Whether about as little is left as at the best pass, or at the one that had to do instead."""
    target = track.lows[-1].remaining_bytes if track.target_bytes is None else track.target_bytes
    return remaining_bytes * 100 <= target * (100 + NEAR_PERCENT)


def _judged(policy: Policy, track: Track, newest: Pass) -> Track:
    track = replace(track, newest=newest)
    best = best_before(policy, track)
    stalled = best is not None and newest.remaining_bytes * 100 > best.remaining_bytes * (100 - BETTER_PERCENT)
    track = replace(track, lows=_lows(track.lows, newest, best))
    if not stalled:
        return replace(track, stalled_at_ms=None, relaxed=0, target_bytes=None)
    return track if track.stalled_at_ms is not None else replace(track, stalled_at_ms=track.clock_ms)


def _lows(lows: tuple[Pass, ...], newest: Pass, best: Pass | None) -> tuple[Pass, ...]:
    """Of those before the window the best is enough; when too many come within it, progress is quick, and the second
    is not missed."""
    if best is not None:
        lows = lows[lows.index(best) :]
    if lows and newest.remaining_bytes >= lows[-1].remaining_bytes:
        return lows
    lows = (*lows, newest)
    return lows if len(lows) <= MOST_LOWS else (lows[0], *lows[2:])
