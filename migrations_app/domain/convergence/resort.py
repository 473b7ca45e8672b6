"""The last resort of a policy: when it comes, what it is, and what follows when it does not help."""

from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.convergence import words
from migrations_app.domain.convergence.action import Act, Action
from migrations_app.domain.convergence.ladder import waited_ms
from migrations_app.domain.convergence.needs import Needs
from migrations_app.domain.convergence.policy import Consent, LastResort, Policy
from migrations_app.domain.convergence.track import Track
from migrations_app.domain.pause import LONGEST_MS
from migrations_app.domain.progress import Progress

GIB = 1024**3
#: a small VM has the time of one so large
LEAST_GIB = 2
#: a migration that ends so soon is not stopped at its deadline
SOON_MS = 5000
#: so long after FINISH it should have ended
AGAIN_MS = 5000
MOST_FINISHES = 2
#: QEMU slows a VM down further at every second pass
SLOWER_WITHIN = 2


def deadline_ms(policy: Policy, progress: Progress) -> int:
    """When the policy's time is over, in libvirt's time of the job."""
    most = max(progress.total_bytes or 0, LEAST_GIB * GIB)
    return min(policy.deadline_s_per_gib * 1000 * most // GIB, policy.deadline_max_s * 1000)


def is_late(policy: Policy, needs: Needs) -> bool:
    """Whether its time is over, unless it is about to end; and it is not when it has been for the patience."""
    late = (needs.progress.elapsed_ms or 0) - deadline_ms(policy, needs.progress)
    return late >= 0 and (late > policy.patience_s * 1000 or not _ends_soon(needs))


def slowed(track: Track, progress: Progress) -> Track:
    """The track with the pass in which QEMU slowed the VM down further."""
    percent = progress.throttle_percent or 0
    if percent <= track.throttle_percent:
        return track
    return replace(track, throttle_percent=percent, slowed_pass=progress.iteration or 0)


def is_patient(policy: Policy, track: Track, needs: Needs) -> bool:
    """Whether a policy at the top of its ladder still waits for a better pass. While QEMU slows the VM down more and
    more, it does not give up."""
    act, consents = _resort(policy, track)[0], track.consents
    finishes = act in (Act.FINISH, Act.POST_COPY)
    if (act is Act.FINISH and consents.pause is Consent.ALWAYS) or (
        act is Act.POST_COPY and consents.post_copy is Consent.ALWAYS
    ):
        return False
    slows = track.throttled and needs.newest.number - track.slowed_pass <= SLOWER_WITHIN
    return waited_ms(track) < policy.patience_s * 1000 or (slows and not finishes)


def take(policy: Policy, track: Track, needs: Needs, why: str) -> tuple[Track, tuple[Action, ...]]:
    act, consent = _resort(policy, track)
    if act is Act.FINISH:
        return _finish(track, needs, why)
    if act is Act.POST_COPY:
        return _taken(track, act, words.switched(needs, why), needs)
    text = words.restarted(needs, why) if act is Act.RESTART else words.given_up(needs, why, consent)
    return _taken(track, act, text, needs)


def repeat(policy: Policy, track: Track, needs: Needs) -> tuple[Track, tuple[Action, ...]]:
    """FINISH again when it has not ended the migration, then SUSPEND. Nothing else is repeated; in shadow mode nothing,
    because the first FINISH would have ended it."""
    waited = track.clock_ms - (track.last_resort_at_ms or 0)
    if track.last_resort != Act.FINISH or policy.shadow or waited < AGAIN_MS:
        return track, ()
    return _finish(track, needs, words.not_ended(track))


def _resort(policy: Policy, track: Track) -> tuple[Act, str]:
    """The last resort; and when it is to give up instead of what the policy says, because of the VM's owners, that."""
    if policy.last_resort is LastResort.FINISH:
        return (Act.ABORT, words.NO_PAUSE) if track.consents.pause is Consent.NEVER else (Act.FINISH, "")
    if policy.last_resort is LastResort.THROTTLE and not track.throttled:
        return (Act.ABORT, words.NOT_SLOWED) if track.consents.slow is Consent.NEVER else (Act.RESTART, "")
    if policy.last_resort is LastResort.POST_COPY:
        if track.consents.post_copy is Consent.NEVER:
            return Act.ABORT, words.NO_POST_COPY
        return (Act.POST_COPY, "") if track.post_copy else (Act.ABORT, words.NOT_POSSIBLE)
    return Act.ABORT, ""


def _finish(track: Track, needs: Needs, why: str) -> tuple[Track, tuple[Action, ...]]:
    if needs.finish_ms > LONGEST_MS:
        return _taken(track, Act.SUSPEND, words.suspended(needs, words.TOO_LONG), needs)
    if track.finishes >= MOST_FINISHES:
        return _taken(track, Act.SUSPEND, words.suspended(needs, why), needs)
    track = replace(track, wanted_ms=needs.finish_ms, finishes=track.finishes + 1)
    return _taken(track, Act.FINISH, words.finished(needs, why), needs, downtime_ms=needs.finish_ms)


def _taken(
    track: Track, act: Act, text: str, needs: Needs, *, downtime_ms: int | None = None
) -> tuple[Track, tuple[Action, ...]]:
    action = Action(act=act, text=text, downtime_ms=downtime_ms, numbers=words.numbers(track, needs))
    return replace(track, last_resort=str(act), last_resort_at_ms=track.clock_ms), (action,)


def _ends_soon(needs: Needs) -> bool:
    dirty, left = needs.progress.dirty_bps, needs.progress.remaining_bytes
    if dirty is None or left is None or dirty >= needs.rate_bps:
        return False
    return left * 1000 <= SOON_MS * (needs.rate_bps - dirty)
