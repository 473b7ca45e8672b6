"""What holds of every forecast of a running VM, whatever is known."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from hosts.facts.memory_use import DirtyRate
from migrations_app.domain.convergence.policy import BUILT_IN, Consent, Consents, LastResort
from migrations_app.domain.forecast import Forecast, Known, Run, forecast
from migrations_app.domain.forecast.left import Now, time_left
from migrations_app.domain.forecast.passes import course
from migrations_app.domain.forecast.proposal import BY_DOWNTIME, Allowed, proposed

MIB = 1024 * 1024
BYTES = st.integers(0, 2**44)
RATES = st.integers(0, 2**37)
MAYBE_BYTES = st.none() | BYTES
WINDOWS = st.lists(st.builds(DirtyRate, seconds=st.integers(1, 60), bps=RATES), max_size=3).map(tuple)
RUNS = st.lists(
    st.builds(
        Run,
        same_guest=st.booleans(),
        transferred_bytes=BYTES,
        seconds=st.floats(0, 1e6),
        downtime_ms=st.none() | st.integers(0, 10**6),
        dirty_bps=st.none() | RATES,
        mean_dirty_bps=st.none() | RATES,
        stalled=st.sampled_from((None, False, False, True)),
        memory_bytes=MAYBE_BYTES,
        first_bytes=MAYBE_BYTES,
        first_seconds=st.none() | st.floats(0, 1e5),
        flow_seconds=st.floats(0, 10),
        flow_bytes=st.integers(0, 2**30),
        resident_bytes=MAYBE_BYTES,
    ),
    max_size=4,
)
KNOWN = st.builds(
    Known,
    memory_bytes=BYTES,
    resident_bytes=MAYBE_BYTES,
    windows=WINDOWS,
    nominal_bps=st.none() | st.floats(1e5, 1e11),
    allowed_ms=st.integers(1, 10_000),
    most_ms=st.integers(1, 10_000),
)


def foreseen(runs: list[Run], known: Known, limit_bps: int | None = None) -> Forecast | None:
    return forecast(runs, memory_bytes=known.memory_bytes, with_disks=False, known=known, limit_bps=limit_bps)


@given(RUNS, KNOWN, st.none() | st.integers(MIB, 2**40))
def test_a_range_holds_what_is_likely_and_nothing_is_beyond_numbers(
    runs: list[Run], known: Known, limit_bps: int | None
) -> None:
    seen = foreseen(runs, known, limit_bps)
    if seen is None:
        return
    known_ms = [ms for ms in (seen.low_ms, seen.likely_ms, seen.high_ms) if ms is not None]
    assert known_ms == sorted(known_ms)
    assert all(math.isfinite(ms) and ms >= 0 for ms in known_ms)
    if seen.downtime_high_ms is not None:
        assert 0 <= (seen.downtime_low_ms or 0) <= seen.downtime_high_ms
    if seen.dirty_high_bps is not None:
        assert 0 <= (seen.dirty_low_bps or 0) <= (seen.dirty_bps or 0) <= seen.dirty_high_bps


@given(RUNS, KNOWN)
def test_what_writes_faster_than_the_path_carries_is_never_said_to_converge(runs: list[Run], known: Known) -> None:
    seen = foreseen(runs, known)
    if seen is not None and seen.verdict == "converges" and (seen.rate_bps or 0) >= MIB:
        assert seen.dirty_high_bps is not None
        assert seen.high_ms is not None
        at_once = (seen.rate_bps or 0) * known.allowed_ms / 1000  # copied within the allowed downtime, it never matters
        assert seen.dirty_high_bps < (seen.rate_bps or 0) or (seen.first_bytes or 0) <= at_once


@given(KNOWN)
def test_what_is_not_known_is_no_verdict(known: Known) -> None:
    """Without an earlier migration the path is not known; without a dirty rate, what the VM writes."""
    first = foreseen([], known)
    if first is not None:
        assert first.verdict in ("", "uncertain", "needs_help")
        assert (first.likely_ms, first.high_ms) == (None, None)
        assert (first.verdict == "") is (not known.windows)
    else:
        assert not (known.nominal_bps and known.memory_bytes)


@given(st.integers(1, 200), st.integers(1, 200), st.integers(100, 4000), st.integers(100, 4000))
def test_more_memory_and_more_writing_never_take_less(slow: int, fast: int, small: int, large: int) -> None:
    def go(dirty_mib: int, first_mib: int) -> float:
        found = course(first_mib * MIB, bps=100 * MIB, dirty_bps=dirty_mib * MIB, allowed_s=0.3)
        return found.seconds if found.ends else math.inf

    (slow, fast), (small, large) = sorted((slow, fast)), sorted((small, large))
    assert go(slow, small) <= go(fast, small)
    assert go(slow, small) <= go(slow, large)


@given(
    st.builds(
        Now,
        sent=BYTES,
        left=BYTES,
        elapsed_ms=st.integers(0, 10**8),
        bps=st.floats(1, 1e11),
        flow_ms=st.integers(0, 10**5),
        flow_bytes=st.integers(0, 2**30),
        dirty_bps=st.none() | st.floats(0, 1e11),
        dirty_max_bps=st.none() | st.floats(0, 1e11),
        pass_ms=st.integers(0, 10**8),
        allowed_ms=st.none() | st.integers(1, 10_000),
    ),
    RUNS,
    KNOWN,
)
def test_the_time_left_is_a_range_too(now: Now, runs: list[Run], known: Known) -> None:
    left = time_left(now, foreseen(runs, known))
    found = [ms for ms in (left.low_ms, left.likely_ms, left.high_ms) if ms is not None]
    assert found == sorted(found)
    assert found[0] >= 0


@given(
    st.integers(0, 10**7), st.sampled_from(Consent), st.sampled_from(Consent), st.sampled_from(Consent), st.booleans()
)
def test_a_policy_is_proposed_only_where_it_is_allowed(
    needed_ms: int, slow: Consent, pause: Consent, post_copy: Consent, possible: bool
) -> None:
    consents = Consents(slow=slow, pause=pause, post_copy=post_copy)
    found = proposed(needed_ms, Allowed(policies=BUILT_IN, consents=consents, post_copy=possible))
    policies = {policy.name: policy for policy in BUILT_IN}
    if found is None:
        assert needed_ms > max(policy.top_ms for policy in BUILT_IN)
        assert pause is Consent.NEVER
        assert post_copy is Consent.NEVER or not possible
    elif found.by == BY_DOWNTIME:
        assert policies[found.policy].top_ms >= needed_ms
    else:
        assert policies[found.policy].last_resort == found.by
        assert found.by != LastResort.FINISH or pause is not Consent.NEVER
        assert found.by != LastResort.POST_COPY or (possible and post_copy is not Consent.NEVER)


def test_post_copy_comes_last_unless_the_owners_always_agree() -> None:
    def by(**consents: Consent) -> str:
        found = proposed(60_000, Allowed(policies=BUILT_IN, consents=Consents(**consents), post_copy=True))
        return found.by if found else ""

    assert by() == LastResort.FINISH
    assert by(pause=Consent.NEVER) == LastResort.POST_COPY
    assert by(post_copy=Consent.ALWAYS) == LastResort.POST_COPY
