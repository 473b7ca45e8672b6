"""The allowed downtime rises, a rung at a time, while passes stall."""

from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.convergence import words
from migrations_app.domain.convergence.action import Act, Action
from migrations_app.domain.convergence.needs import Needs
from migrations_app.domain.convergence.passes import at_minimum
from migrations_app.domain.convergence.policy import LastResort, Policy
from migrations_app.domain.convergence.track import Track

#: rungs are at least a stall window ÷ this apart
RUNGS_PER_WINDOW = 8


def may_act(policy: Policy, track: Track, above: list[int]) -> bool:
    """Whether passes stall, and libvirt has had some time for what the policy did last: a whole pass, if that should
    do, or is the most that the policy allows."""
    if track.stalled_at_ms is None or track.newest is None:
        return False
    if track.newest.number == track.acted_pass and (track.hopeful or not above):
        return False
    since = track.clock_ms - (track.acted_at_ms or 0)
    return track.acted_at_ms is None or since * RUNGS_PER_WINDOW >= policy.stall_window_s * 1000


def waited_ms(track: Track) -> int:
    """For how long nothing better has come since the policy acted last, or since passes stall."""
    return track.clock_ms - max(track.stalled_at_ms or 0, track.acted_at_ms or 0)


def rungs_above(policy: Policy, needs: Needs) -> list[int]:
    return sorted(rung for rung in policy.ladder_ms if rung > needs.allowed_ms)


def climb(policy: Policy, track: Track, needs: Needs, above: list[int]) -> tuple[Track, tuple[Action, ...]]:
    """A rung higher at a local minimum, or when none has come within the patience; at once when no rung is enough for
    the best pass either. What needs no more than is allowed already is libvirt's for as long."""
    good = needs.needed_ms > needs.allowed_ms and (
        at_minimum(track, needs.newest.remaining_bytes) or needs.best_ms > above[-1]
    )
    if not good and waited_ms(track) < policy.patience_s * 1000 >> track.relaxed:
        return track, ()
    none_fits = above[-1] if policy.last_resort is LastResort.FINISH else above[0]
    rung = next((rung for rung in above if rung >= needs.needed_ms), none_fits)
    action = Action(
        act=Act.RAISE,
        text=words.raised(policy, track, needs, rung),
        downtime_ms=rung,
        numbers=words.numbers(track, needs),
    )
    if not good:
        track = replace(track, relaxed=track.relaxed + 1, target_bytes=needs.newest.remaining_bytes)
    track = replace(
        track,
        wanted_ms=rung,
        acted_at_ms=track.clock_ms,
        acted_pass=needs.newest.number,
        hopeful=rung >= needs.needed_ms,
    )
    return track, (action,)
