"""What a user sees of a running migration: never backwards, never 100 % before it is done, nothing invented."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from hosts.facts.guest import JobStats
from migrations_app.domain.forecast.foreseen import Forecast
from migrations_app.domain.forecast.left import Left, Now, time_left
from migrations_app.domain.lifecycle import State

#: The most that is shown before both hosts were seen to agree on the end.
CAP = 99
#: So long without a byte is a stop; libvirt begins, and hands over, in less.
STALL_MS = 3000
#: So long without a byte is said: within 10 s of the cut of a link, whose last bytes still fill the source's buffers.
SAY_MS = 5000
#: Between two looks so far apart a stop is one that carried less than a tenth of what is usual.
GAP_MS = 2000
#: With so much of the memory sent, it flows.
FLOWS_BYTES = 1024 * 1024
#: A pass that leaves no more than this of what the one before left comes closer to the end.
CLEARLY_PERCENT = 96
#: While disks are copied libvirt does not say how much memory follows; without a hint this much is kept for it.
MEMORY_SHARE_PERCENT = 20
#: A rate that we measure ourselves is that of about the last seconds.
SMOOTH_MS = 3000


class Phase(StrEnum):
    PREPARING = "preparing"
    DISKS = "disks"
    MEMORY = "memory"
    SWITCHOVER = "switchover"
    POST_COPY = "post_copy"
    ARRIVING = "arriving"
    DONE = "done"


_PHASES = {
    State.COPYING_DISKS: Phase.DISKS,
    State.COPYING_MEMORY: Phase.MEMORY,
    State.SWITCHING_OVER: Phase.SWITCHOVER,
    State.POST_COPY: Phase.POST_COPY,
    State.POST_COPY_FAILED: Phase.POST_COPY,
    State.ARRIVING: Phase.ARRIVING,
    State.VERIFYING: Phase.ARRIVING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Bytes, bytes per second, milliseconds; memory and disks together unless the name says otherwise.

    `percent` is how much has been copied at least once. `rate_bps` is the average once the migration is done.
    `dirty_max_bps` is the fastest seen so far. `moved_at_ms` is when bytes were last seen to come, `stalled_ms` the
    longest time without any; None: it was not watched from the beginning. `no_data_ms`: for so long none has come now,
    None while they come. `converging`: whether the newest pass left clearly less than the one before; None: not known
    yet. `eta_high_ms` None beside a low one: no upper bound.

    `pass_at_ms` and `pass_remaining_bytes`: when the newest pass began, and what was left then; only at that moment is
    what is left a measure of how far it is. `needed_downtime_ms`: what that takes at the present rate.
    """

    phase: Phase = Phase.PREPARING
    percent: int = 0
    transferred_bytes: int | None = None
    remaining_bytes: int | None = None
    total_bytes: int | None = None
    rate_bps: int | None = None
    dirty_bps: int | None = None
    dirty_max_bps: int | None = None
    dirty_mean_bps: int | None = None
    iteration: int | None = None
    elapsed_ms: int | None = None
    flow_ms: int | None = None
    flow_bytes: int | None = None
    first_pass_ms: int | None = None
    first_pass_bytes: int | None = None
    pass_at_ms: int | None = None
    pass_remaining_bytes: int | None = None
    pass_before_bytes: int | None = None
    expected_downtime_ms: int | None = None
    allowed_downtime_ms: int | None = None
    needed_downtime_ms: int | None = None
    throttle_percent: int | None = None
    eta_low_ms: int | None = None
    eta_ms: int | None = None
    eta_high_ms: int | None = None
    converging: bool | None = None
    disk_remaining_bytes: int | None = None
    disk_total_bytes: int | None = None
    moved_at_ms: int | None = None
    stalled_ms: int | None = None
    no_data_ms: int | None = None

    @property
    def stands_still(self) -> bool:
        """Whether no byte has come for so long that a person is to look at the network."""
        return (self.no_data_ms or 0) >= SAY_MS

    @property
    def stalled(self) -> bool | None:
        """Whether it ever stood still for STALL_MS; None when nobody watched."""
        return None if self.stalled_ms is None else self.stalled_ms >= STALL_MS

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "phase": str(self.phase)}

    @classmethod
    def from_json(cls, shown: Mapping[str, Any]) -> Progress:
        """What was shown last, also by another worker: numbers go on from there. {} is the very beginning."""
        known = {field.name: shown[field.name] for field in fields(cls) if field.name in shown}
        return cls(**{**known, "phase": Phase(known.get("phase", Phase.PREPARING))})


def refine(shown: State, stats: JobStats) -> State:
    """Of an outgoing job: while memory is not counted yet it is the disks that are copied, and before those nothing."""
    if stats.memory_total:
        return State.COPYING_MEMORY
    if stats.disk_total or shown is State.COPYING_DISKS:  # nothing is counted any more when it fails or is cancelled
        return State.COPYING_DISKS
    return State.STARTING if shown is State.STARTING else State.COPYING_MEMORY


def advance(
    previous: Progress | None,
    stats: JobStats | None,
    state: State,
    *,
    guest_memory_bytes: int | None = 0,
    allowed_downtime_ms: int | None = None,
    foreseen: Forecast | None = None,
) -> Progress:
    """The next picture. `stats` None (no job any more) keeps the last numbers but those that speak of the future.
    `guest_memory_bytes`: 0 is not known, None that no memory follows the disks.

    A job that fails or is cancelled counts 0 of 0 in its last moments: its totals, too, stay what they were.
    """
    last = previous or Progress()
    phase = _PHASES.get(state, last.phase)
    if stats is None:
        return _without_job(last, phase)
    if not (stats.memory_total or stats.disk_total):
        stats = replace(stats, memory_total=None, memory_remaining=None, disk_total=None, disk_remaining=None)
    total = _sum(stats.memory_total, stats.disk_total)
    remaining = _sum(stats.memory_remaining, stats.disk_remaining)
    rate = _disk_rate(last, stats) if _only_disks(stats) else _sum(stats.memory_bps, stats.disk_bps)
    dirty = _dirty(stats)
    moved_at, stalled = _standstill(last, stats)
    pass_at, pass_remaining, pass_before = _newest_pass(last, stats)
    first_ms, first_bytes = _first_pass(last, stats)
    flow_ms, flow_bytes = _flow(last, stats)
    now = Progress(
        phase=phase,
        percent=min(max(last.percent, _copied_percent(stats, guest_memory_bytes)), CAP),
        transferred_bytes=_highest(last.transferred_bytes, _sum(stats.memory_processed, stats.disk_processed)),
        remaining_bytes=last.remaining_bytes if total is None else remaining,
        total_bytes=last.total_bytes if total is None else total,
        rate_bps=rate,
        dirty_bps=dirty,
        dirty_max_bps=_highest(last.dirty_max_bps, dirty),
        iteration=_highest(last.iteration, stats.iteration),
        elapsed_ms=_highest(last.elapsed_ms, stats.elapsed_ms),
        dirty_mean_bps=_mean_dirty(last, stats, dirty, first_ms),
        flow_ms=flow_ms,
        flow_bytes=flow_bytes,
        first_pass_ms=first_ms,
        first_pass_bytes=first_bytes,
        pass_at_ms=pass_at,
        pass_remaining_bytes=pass_remaining,
        pass_before_bytes=pass_before,
        needed_downtime_ms=pass_remaining * 1000 // rate if pass_remaining is not None and rate else None,
        throttle_percent=stats.throttle_percent,
        expected_downtime_ms=stats.downtime_ms if dirty else None,  # before QEMU counts, it is the allowed one
        allowed_downtime_ms=last.allowed_downtime_ms if allowed_downtime_ms is None else allowed_downtime_ms,
        converging=_converging(pass_remaining, pass_before),
        disk_remaining_bytes=last.disk_remaining_bytes if total is None else stats.disk_remaining,
        disk_total_bytes=last.disk_total_bytes if total is None else stats.disk_total,
        moved_at_ms=moved_at,
        stalled_ms=stalled,
    )
    left = _left(now, stats, guest_memory_bytes or 0, foreseen)
    return replace(now, eta_low_ms=left.low_ms, eta_ms=left.likely_ms, eta_high_ms=left.high_ms) if left else now


def standing_still(shown: Progress, silent_ms: int) -> Progress:
    """The same numbers when no byte has come for `silent_ms`: what libvirt says of the rate is of before."""
    if silent_ms < STALL_MS:
        return shown
    return replace(shown, rate_bps=0, eta_low_ms=None, eta_ms=None, eta_high_ms=None, no_data_ms=silent_ms)


def complete(last: Progress, finished: JobStats | None) -> Progress:
    """The progress of a migration that is done. `finished` are libvirt's numbers of the whole job: they include what
    came after our last look, and before an adopter's first."""
    if finished is not None:
        moved_at, stalled = _standstill(last, finished)
        last = replace(
            last,
            moved_at_ms=moved_at,
            stalled_ms=stalled,
            transferred_bytes=_highest(
                last.transferred_bytes, _sum(finished.memory_processed, finished.disk_processed)
            ),
            elapsed_ms=_highest(last.elapsed_ms, finished.elapsed_ms),
            iteration=_highest(last.iteration, finished.iteration),
        )
    return replace(
        _without_job(last, Phase.DONE),
        percent=100,
        remaining_bytes=0,
        needed_downtime_ms=last.needed_downtime_ms,
        rate_bps=_average(last),
        disk_remaining_bytes=0 if last.disk_total_bytes else last.disk_remaining_bytes,
    )


def _without_job(last: Progress, phase: Phase) -> Progress:
    return Progress(
        phase=phase,
        percent=last.percent,
        transferred_bytes=last.transferred_bytes,
        remaining_bytes=last.remaining_bytes,
        total_bytes=last.total_bytes,
        dirty_max_bps=last.dirty_max_bps,
        iteration=last.iteration,
        elapsed_ms=last.elapsed_ms,
        dirty_mean_bps=last.dirty_mean_bps,
        flow_ms=last.flow_ms,
        flow_bytes=last.flow_bytes,
        first_pass_ms=last.first_pass_ms,
        first_pass_bytes=last.first_pass_bytes,
        pass_at_ms=last.pass_at_ms,
        pass_remaining_bytes=last.pass_remaining_bytes,
        pass_before_bytes=last.pass_before_bytes,
        allowed_downtime_ms=last.allowed_downtime_ms,
        disk_remaining_bytes=last.disk_remaining_bytes,
        disk_total_bytes=last.disk_total_bytes,
        moved_at_ms=last.moved_at_ms,
        stalled_ms=last.stalled_ms,
    )


def _standstill(last: Progress, stats: JobStats) -> tuple[int | None, int | None]:
    """`moved_at_ms` and `stalled_ms` after one more look, by libvirt's own clock of the job."""
    before, at = last.transferred_bytes or 0, last.elapsed_ms or 0
    now = stats.elapsed_ms
    grown = (_sum(stats.memory_processed, stats.disk_processed) or 0) - before
    first = not before and not at
    if (last.stalled_ms is None and not first) or (first and grown > 0 and (now or 0) >= STALL_MS):
        return None, None  # an older release began it, or nobody looked at its beginning
    if now is None or now <= at:
        return last.moved_at_ms, last.stalled_ms
    moved_at, longest = last.moved_at_ms or 0, last.stalled_ms or 0
    hardly = bool(at) and now - at >= GAP_MS and grown * 10 * at < before * (now - at)
    if grown <= 0 or hardly:
        longest = max(longest, now - moved_at)
    return (now if grown > 0 else moved_at), longest


def _newest_pass(last: Progress, stats: JobStats) -> tuple[int | None, int | None, int | None]:
    """When it began and what was left then, as the first look that saw it has it, and what was left at the one before.
    Before the second pass there is nothing to tell: what is left then is what has not been copied at all."""
    if (stats.iteration or 0) < 2 or stats.iteration == last.iteration:
        return last.pass_at_ms, last.pass_remaining_bytes, last.pass_before_bytes
    return stats.elapsed_ms, stats.memory_remaining, last.pass_remaining_bytes


def _first_pass(last: Progress, stats: JobStats) -> tuple[int | None, int | None]:
    """How long it took, and what it sent: all of the memory that is not zeros. None when nobody saw it end."""
    if last.first_pass_ms is not None or stats.iteration is None or stats.iteration < 2:
        return last.first_pass_ms, last.first_pass_bytes
    if last.iteration != 1 or not stats.memory_processed:
        return None, None
    return stats.elapsed_ms, stats.memory_processed


def _flow(last: Progress, stats: JobStats) -> tuple[int | None, int | None]:
    """When memory was first seen to come, and how much had by then: the beginning is slower than what follows."""
    if last.flow_ms is not None or (stats.memory_processed or 0) < FLOWS_BYTES:
        return last.flow_ms, last.flow_bytes
    return stats.elapsed_ms, stats.memory_processed


def _mean_dirty(last: Progress, stats: JobStats, dirty: int | None, first_ms: int | None) -> int | None:
    """Of all the time since the first pass, which is counted when it ends."""
    if dirty is None or stats.elapsed_ms is None or first_ms is None:
        return last.dirty_mean_bps
    if last.dirty_mean_bps is None or last.elapsed_ms is None:
        return dirty
    took = max(stats.elapsed_ms - last.elapsed_ms, 0)
    whole = max(stats.elapsed_ms, 1)
    return last.dirty_mean_bps + (dirty - last.dirty_mean_bps) * took // whole


def _average(last: Progress) -> int | None:
    if not last.transferred_bytes or not last.elapsed_ms:
        return None
    return last.transferred_bytes * 1000 // last.elapsed_ms


def _copied_percent(stats: JobStats, guest_memory: int | None) -> int:
    """How much of disks and memory is there at least once, 0 to 100."""
    disks, memory = stats.disk_total or 0, stats.memory_total or 0
    if not disks + memory:
        return 0
    copied = max(disks - (stats.disk_remaining or 0), 0) + max(memory - (stats.memory_remaining or 0), 0)
    total = disks + (memory or guest_memory or 0)
    share = 100 if memory or guest_memory != 0 else 100 - MEMORY_SHARE_PERCENT
    return min(copied * share // total, 100)


def _dirty(stats: JobStats) -> int | None:
    """QEMU says 0 until it has counted once, at the end of the first pass: that is not known, not idle."""
    if stats.dirty_bps is None or (stats.dirty_bps == 0 and (stats.iteration or 0) < 2):
        return None
    return stats.dirty_bps


def _only_disks(stats: JobStats) -> bool:
    return bool(stats.disk_total) and not stats.memory_total


def _disk_rate(last: Progress, stats: JobStats) -> int | None:
    """libvirt does not tell how fast disks are copied: by what came since the last look, smoothed."""
    if stats.disk_bps is not None:
        return stats.disk_bps
    if stats.disk_processed is None or stats.elapsed_ms is None or last.transferred_bytes is None:
        return last.rate_bps
    took = stats.elapsed_ms - (last.elapsed_ms or 0)
    if took <= 0:
        return last.rate_bps
    now = max(stats.disk_processed - last.transferred_bytes, 0) * 1000 // took
    return now if not last.rate_bps else last.rate_bps + (now - last.rate_bps) * min(took, SMOOTH_MS) // SMOOTH_MS


def _converging(newest: int | None, before: int | None) -> bool | None:
    """A dirty rate below the link's proves nothing: in a long pass the same pages are written again and count once. One
    above it does not either: a small set of pages may fit into the downtime. That a pass leaves less than the one
    before does."""
    if newest is None or before is None:
        return None
    return newest * 100 < before * CLEARLY_PERCENT


def _left(now: Progress, stats: JobStats, follows: int, foreseen: Forecast | None) -> Left | None:
    """From "nothing is written any more" to "it is written on as fast as ever", or to "all of the memory follows"."""
    remaining, rate = now.remaining_bytes, now.rate_bps or (foreseen and foreseen.runs and foreseen.rate_bps)
    if remaining is None or not rate or (stats.memory_remaining is None and stats.disk_remaining is None):
        return None
    low = round(remaining * 1000 / rate)
    if _only_disks(stats):  # memory follows
        return Left(low, None, round((remaining + follows) * 1000 / rate) if follows else None)
    return time_left(
        Now(
            sent=now.transferred_bytes or 0,
            left=remaining,
            elapsed_ms=now.elapsed_ms or 0,
            flow_ms=now.flow_ms or 0,
            flow_bytes=now.flow_bytes or 0,
            bps=rate,
            dirty_bps=now.dirty_bps,
            dirty_max_bps=now.dirty_max_bps,
            pass_ms=max((now.elapsed_ms or 0) - (now.pass_at_ms or 0), 0),
            allowed_ms=now.allowed_downtime_ms,
        ),
        None if now.disk_total_bytes else foreseen,
    )


def _sum(*values: int | None) -> int | None:
    there = [value for value in values if value is not None]
    return sum(there) if there else None


def _highest(*values: int | None) -> int | None:
    return max((value for value in values if value is not None), default=None)
