"""The decision of a policy at one look."""

from __future__ import annotations

from migrations_app.domain.convergence import words
from migrations_app.domain.convergence.action import Action
from migrations_app.domain.convergence.ladder import climb, may_act, rungs_above
from migrations_app.domain.convergence.needs import needs_of
from migrations_app.domain.convergence.network import is_up, observe
from migrations_app.domain.convergence.passes import judge
from migrations_app.domain.convergence.policy import Policy
from migrations_app.domain.convergence.resort import deadline_ms, is_late, is_patient, repeat, slowed, take
from migrations_app.domain.convergence.track import Track
from migrations_app.domain.progress import Phase, Progress


def decide(policy: Policy, track: Track, progress: Progress) -> tuple[Track, tuple[Action, ...]]:
    """What to remember, and what to do now; () is to wait. Each action is returned once, and the track goes on as if it
    had been applied: also in shadow mode, where nobody applies it."""
    if progress.phase is not Phase.MEMORY or progress.elapsed_ms is None:
        return track, ()
    track = slowed(judge(policy, observe(policy, track, progress), progress), progress)
    needs = needs_of(policy, track, progress)
    if needs is None or not is_up(track, progress):
        return track, ()
    if track.last_resort:
        return repeat(policy, track, needs)
    if is_late(policy, needs):
        return take(policy, track, needs, words.late(deadline_ms(policy, progress)))
    above = rungs_above(policy, needs)
    if not may_act(policy, track, above):
        return track, ()
    if above:
        return climb(policy, track, needs, above)
    if is_patient(policy, track, needs):
        return track, ()
    return take(policy, track, needs, words.stalled(policy, track))
