from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.facts.guest import JobKind, JobStats
from migrations_app.domain.forecast import Forecast
from migrations_app.domain.lifecycle import State
from migrations_app.domain.progress import CAP, Phase, Progress, advance, complete, refine, standing_still

MIB = 1024 * 1024
STATS = JobStats(
    kind=JobKind.MIGRATION_OUT,
    elapsed_ms=1000,
    downtime_ms=300,
    memory_total=1000 * MIB,
    memory_processed=400 * MIB,
    memory_remaining=600 * MIB,
    memory_bps=100 * MIB,
    dirty_bps=0,
    iteration=1,
)
DISKS = JobStats(
    kind=JobKind.MIGRATION_OUT,
    elapsed_ms=500,
    memory_total=0,
    memory_processed=0,
    memory_remaining=0,
    disk_total=4000 * MIB,
    disk_processed=1000 * MIB,
    disk_remaining=3000 * MIB,
    disk_bps=50 * MIB,
)

amounts = st.none() | st.integers(0, 10**12)
stats = st.builds(
    JobStats,
    kind=st.just(JobKind.MIGRATION_OUT),
    elapsed_ms=amounts,
    downtime_ms=amounts,
    memory_total=amounts,
    memory_processed=amounts,
    memory_remaining=amounts,
    memory_bps=amounts,
    dirty_bps=amounts,
    iteration=st.none() | st.integers(0, 50),
    disk_total=amounts,
    disk_processed=amounts,
    disk_remaining=amounts,
    disk_bps=amounts,
)
steps = st.lists(
    st.tuples(st.none() | stats, st.sampled_from(sorted(set(State) - {State.DONE})), st.integers(0, 10**12)),
    max_size=12,
)


@given(steps)
def test_never_backwards_and_never_100_before_done(steps: list[tuple[JobStats | None, State, int]]) -> None:
    seen = [Progress()]
    for each, state, memory in steps:
        seen.append(advance(seen[-1], each, state, guest_memory_bytes=memory))
    for before, after in pairwise(seen):
        assert 0 <= before.percent <= after.percent <= CAP
        assert (before.transferred_bytes or 0) <= (after.transferred_bytes or 0)
        assert (before.elapsed_ms or 0) <= (after.elapsed_ms or 0)
        assert (before.iteration or 0) <= (after.iteration or 0)
        if after.eta_low_ms is not None and after.eta_high_ms is not None:
            assert after.eta_low_ms <= after.eta_high_ms
    assert complete(seen[-1], None).percent == 100


@given(stats)
def test_nothing_is_invented(given_stats: JobStats) -> None:
    progress = advance(None, given_stats, State.COPYING_MEMORY)
    if given_stats.memory_total is None and given_stats.disk_total is None:
        assert progress.total_bytes is None
        assert progress.percent == 0
    if given_stats.memory_remaining is None and given_stats.disk_remaining is None:
        assert progress.eta_low_ms is None


def test_no_numbers_are_no_numbers() -> None:
    empty = advance(None, JobStats(kind=JobKind.MIGRATION_OUT), State.COPYING_MEMORY)
    assert empty == Progress(phase=Phase.MEMORY)


def test_the_first_pass() -> None:
    progress = advance(None, STATS, State.COPYING_MEMORY)
    assert progress.as_json() == {
        "phase": "memory",
        "percent": 40,
        "transferred_bytes": 400 * MIB,
        "remaining_bytes": 600 * MIB,
        "total_bytes": 1000 * MIB,
        "rate_bps": 100 * MIB,
        "dirty_bps": None,
        "dirty_max_bps": None,
        "dirty_mean_bps": None,
        "iteration": 1,
        "elapsed_ms": 1000,
        "flow_ms": 1000,
        "flow_bytes": 400 * MIB,
        "first_pass_ms": None,
        "first_pass_bytes": None,
        "pass_at_ms": None,
        "pass_remaining_bytes": None,
        "pass_before_bytes": None,
        "expected_downtime_ms": None,
        "allowed_downtime_ms": None,
        "needed_downtime_ms": None,
        "throttle_percent": None,
        "eta_low_ms": 6000,
        "eta_ms": None,
        "eta_high_ms": None,
        "converging": None,
        "disk_remaining_bytes": None,
        "disk_total_bytes": None,
        "moved_at_ms": 1000,
        "stalled_ms": 0,
        "no_data_ms": None,
    }
    json.dumps(progress.as_json())


def test_later_passes_hold_the_percent_and_know_the_dirty_rate() -> None:
    first = advance(None, replace(STATS, memory_remaining=10 * MIB), State.COPYING_MEMORY)
    assert first.percent == 99
    again = replace(STATS, memory_remaining=300 * MIB, dirty_bps=50 * MIB, iteration=2)
    second = advance(first, again, State.COPYING_MEMORY)
    assert second.percent == 99
    assert second.expected_downtime_ms == 300
    assert second.remaining_bytes == 300 * MIB
    assert (second.eta_low_ms, second.eta_ms, second.eta_high_ms) == (3000, 6000, 6000)
    assert second.converging is None  # in a long pass pages that are written again count once
    assert (second.first_pass_ms, second.first_pass_bytes) == (1000, 400 * MIB)
    assert (second.pass_remaining_bytes, second.needed_downtime_ms) == (300 * MIB, 3000)
    third = advance(second, replace(again, memory_remaining=100 * MIB, memory_bps=200 * MIB), State.COPYING_MEMORY)
    assert (third.pass_remaining_bytes, third.needed_downtime_ms) == (300 * MIB, 1500)


def test_passes_that_leave_less_and_less_converge() -> None:
    seen, left = advance(None, STATS, State.COPYING_MEMORY), (300, 150, 160)
    for number, mib in enumerate(left):
        stats = replace(
            STATS, iteration=2 + number, memory_remaining=mib * MIB, dirty_bps=50 * MIB, elapsed_ms=2000 + number
        )
        seen = advance(seen, stats, State.COPYING_MEMORY)
        assert seen.converging is (None, True, False)[number]
    assert (seen.dirty_mean_bps, seen.dirty_max_bps) == (50 * MIB, 50 * MIB)


def test_what_was_foreseen_tells_the_time_left_of_the_first_pass() -> None:
    """Of 1000 MiB only 500 have to be sent, and 20 MiB/s are written meanwhile."""
    foreseen = Forecast(
        runs=1, bps=100 * MIB, first_bytes=500 * MIB, dirty_bps=20 * MIB, dirty_low_bps=0, dirty_high_bps=40 * MIB
    )
    seen = advance(None, replace(STATS, elapsed_ms=4000), State.COPYING_MEMORY, foreseen=foreseen)
    assert (seen.eta_low_ms or 0) < 1000 < (seen.eta_ms or 0) < 2500 < (seen.eta_high_ms or 0)
    unknown = advance(None, STATS, State.COPYING_MEMORY, foreseen=Forecast(runs=1, bps=100 * MIB))
    assert (unknown.eta_low_ms, unknown.eta_ms, unknown.eta_high_ms) == (6000, None, None)


def test_of_a_first_migration_the_time_left_goes_up_to_all_of_the_memory() -> None:
    foreseen = Forecast(runs=0, bps=1, first_bytes=500 * MIB, dirty_bps=0, dirty_low_bps=0, dirty_high_bps=0)
    seen = advance(None, replace(STATS, elapsed_ms=4000), State.COPYING_MEMORY, foreseen=foreseen)
    assert (seen.eta_low_ms or 0) < 1000 < (seen.eta_ms or 0) < 2000
    assert (seen.eta_high_ms or 0) > 6000


def test_a_guest_that_writes_faster_than_the_link_has_no_upper_bound() -> None:
    progress = advance(None, replace(STATS, dirty_bps=100 * MIB, iteration=3), State.COPYING_MEMORY)
    assert (progress.eta_low_ms, progress.eta_high_ms) == (6000, None)
    assert progress.converging is None  # a small set of pages may fit into the downtime


@pytest.mark.parametrize(("hint", "percent"), [(0, 20), (1000 * MIB, 20), (6000 * MIB, 10)])
def test_disks_first_with_and_without_a_hint_about_memory(hint: int, percent: int) -> None:
    assert advance(None, DISKS, State.COPYING_DISKS, guest_memory_bytes=hint).percent == percent


def test_disks_and_memory_together() -> None:
    both = replace(STATS, disk_total=3000 * MIB, disk_remaining=0, disk_processed=3000 * MIB)
    progress = advance(None, both, State.COPYING_MEMORY)
    assert progress.percent == 85
    assert progress.total_bytes == 4000 * MIB
    assert progress.transferred_bytes == 3400 * MIB


def test_how_fast_disks_are_copied_is_measured_where_libvirt_does_not_tell() -> None:
    at = replace(DISKS, disk_bps=None)
    seen = advance(None, at, State.COPYING_DISKS, guest_memory_bytes=1000 * MIB)
    assert (seen.rate_bps, seen.eta_low_ms) == (None, None)
    for look in range(1, 5):
        copied = 1000 * MIB + look * 50 * MIB
        at = replace(at, elapsed_ms=500 + look * 500, disk_processed=copied, disk_remaining=4000 * MIB - copied)
        seen = advance(seen, at, State.COPYING_DISKS, guest_memory_bytes=1000 * MIB)
        assert seen.rate_bps == 100 * MIB
    assert (seen.eta_low_ms, seen.eta_high_ms) == (28_000, 38_000)  # the disks; at most all of the memory
    slower = replace(at, elapsed_ms=3000, disk_processed=1200 * MIB)
    assert 80 * MIB < (advance(seen, slower, State.COPYING_DISKS).rate_bps or 0) < 100 * MIB


def test_what_counts_nothing_any_more_takes_no_total_away() -> None:
    """A job that is cancelled: 0 of 0, for a moment."""
    last = advance(None, replace(STATS, disk_total=1000 * MIB, disk_remaining=0), State.COPYING_MEMORY)
    empty = JobStats(kind=JobKind.MIGRATION_OUT, memory_total=0, memory_remaining=0, disk_total=0, disk_remaining=0)
    over = advance(last, empty, State.COPYING_MEMORY)
    assert (over.total_bytes, over.remaining_bytes) == (2000 * MIB, 600 * MIB)
    assert (over.disk_total_bytes, over.disk_remaining_bytes) == (1000 * MIB, 0)
    assert over.eta_low_ms is None
    begun = advance(None, empty, State.STARTING)
    assert (begun.total_bytes, begun.remaining_bytes) == (None, None)


def test_without_a_job_the_numbers_stay_and_the_future_is_gone() -> None:
    last = advance(None, replace(STATS, dirty_bps=50 * MIB, iteration=2), State.COPYING_MEMORY)
    gone = advance(last, None, State.VERIFYING)
    assert (gone.phase, gone.percent, gone.transferred_bytes) == (Phase.ARRIVING, 40, 400 * MIB)
    assert (gone.rate_bps, gone.eta_low_ms, gone.converging) == (None, None, None)


def test_done_is_100_with_nothing_left() -> None:
    done = complete(advance(None, STATS, State.COPYING_MEMORY), None)
    assert (done.phase, done.percent, done.remaining_bytes) == (Phase.DONE, 100, 0)


def test_libvirts_own_account_counts_what_came_after_the_last_look() -> None:
    last = advance(None, replace(STATS, dirty_bps=50 * MIB, iteration=2), State.COPYING_MEMORY)
    calmer = advance(last, replace(STATS, dirty_bps=10 * MIB, iteration=3), State.COPYING_MEMORY)
    finished = JobStats(kind=JobKind.MIGRATION_OUT, elapsed_ms=4000, memory_processed=1200 * MIB, iteration=4)
    done = complete(calmer, finished)
    assert (done.elapsed_ms, done.transferred_bytes, done.iteration) == (4000, 1200 * MIB, 4)
    assert (done.rate_bps, done.dirty_max_bps, done.dirty_bps) == (300 * MIB, 50 * MIB, None)
    nothing_seen = complete(Progress(), finished)  # by an adopter who came when it was over
    assert (nothing_seen.percent, nothing_seen.elapsed_ms) == (100, 4000)


def test_the_disk_phase_is_seen_by_memory_not_being_counted() -> None:
    nothing_yet = JobStats(kind=JobKind.MIGRATION_OUT)
    assert refine(State.STARTING, nothing_yet) is State.STARTING
    assert refine(State.STARTING, DISKS) is State.COPYING_DISKS
    assert refine(State.COPYING_DISKS, STATS) is State.COPYING_MEMORY
    assert refine(State.COPYING_DISKS, replace(STATS, memory_total=0)) is State.COPYING_DISKS  # it was cancelled


# --- standstill --------------------------------------------------------------------------------------------------------


def watched(*samples: tuple[int, int], finished: tuple[int, int] | None = None) -> Progress:
    """After observations of (milliseconds, MiB sent so far)."""

    def told(at: int, mib: int) -> JobStats:
        return replace(STATS, elapsed_ms=at, memory_processed=mib * MIB)

    seen: Progress | None = None
    for at, mib in samples:
        stored = seen.as_json() if seen else {}
        seen = advance(Progress.from_json(stored), told(at, mib), State.COPYING_MEMORY)
    assert seen
    return complete(seen, told(*finished) if finished else None)


def test_a_copy_that_always_moves_never_stalled() -> None:
    seen = watched((400, 0), (900, 20), (1400, 70), (1900, 120), finished=(2300, 150))
    assert (seen.stalled_ms, seen.stalled) == (400, False)


def test_a_link_that_was_cut_is_a_stall() -> None:
    assert watched((500, 50), *((at, 60) for at in range(1000, 21_500, 500)), (21_500, 110)).stalled
    assert not watched((500, 50), (1000, 60), (1500, 60), (2000, 60), (2500, 110)).stalled


def test_a_stall_that_nobody_could_look_at_is_one_too() -> None:
    """QEMU's monitor hangs while the link is cut at the switch-over: the next look, or the account, comes after it."""
    assert watched((500, 50), (1000, 100), (21_000, 110)).stalled
    assert watched((500, 50), (1000, 100), finished=(61_000, 101)).stalled
    assert not watched((500, 50), (1000, 100), (21_000, 2000)).stalled  # another worker took over


def test_a_beginning_that_nobody_saw_is_not_known() -> None:
    assert watched((30_000, 900), (30_500, 950)).stalled is None
    old = Progress.from_json({"phase": "memory", "transferred_bytes": 5 * MIB, "elapsed_ms": 700})
    assert old.stalled is None
    assert advance(old, STATS, State.COPYING_MEMORY).stalled is None


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 50)), min_size=1, max_size=30))
def test_the_longest_standstill_is_found(steps: list[tuple[int, int]]) -> None:
    at = sent = last_moved = longest = 0
    samples = []
    for took, grown in steps:
        at, sent = at + took, sent + grown
        samples.append((at, sent))
        if grown:
            last_moved = at
        longest = max(longest, at - last_moved)
    seen = watched(*samples).stalled_ms
    assert seen is None or longest <= seen <= at


def test_a_copy_without_data_has_neither_rate_nor_time_left() -> None:
    shown = Progress(phase=Phase.MEMORY, percent=40, rate_bps=1000, eta_low_ms=5, eta_high_ms=9, remaining_bytes=7)
    assert standing_still(shown, 2999) == shown
    still = standing_still(shown, 12_000)
    assert (still.rate_bps, still.eta_low_ms, still.eta_high_ms, still.no_data_ms) == (0, None, None, 12_000)
    assert (still.percent, still.remaining_bytes) == (40, 7)
