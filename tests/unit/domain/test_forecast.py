from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrations_app.domain.forecast import Forecast, Run, forecast
from migrations_app.words.forecast import forecast_words

MIB = 1024 * 1024


def run(
    *, own: bool = True, mib: float = 100, seconds: float = 10, dirty: int | None = None, downtime: int = 300,
    stalled: bool | None = False,
) -> Run:  # fmt: skip
    return Run(
        same_guest=own,
        transferred_bytes=int(mib * MIB),
        seconds=seconds,
        downtime_ms=downtime,
        dirty_bps=dirty,
        stalled=stalled,
    )


def test_what_is_stored_comes_back() -> None:
    seen = forecast([run(dirty=MIB)], memory_bytes=MIB, with_disks=False)
    assert seen
    assert Forecast.from_json({**seen.as_json(), "of a later release": 1}) == seen
    assert Forecast.from_json({}) is None


def test_nothing_is_said_without_an_earlier_move() -> None:
    assert forecast([], memory_bytes=MIB, with_disks=False) is None
    assert forecast([run(mib=0), run(seconds=0)], memory_bytes=MIB, with_disks=False) is None
    assert forecast_words("web-01", None) == []


def test_its_own_moves_tell_from_the_fastest_to_the_slowest() -> None:
    seen = forecast([run(), run(seconds=20, downtime=500)], memory_bytes=512 * MIB, with_disks=True)
    assert seen
    assert (seen.low_ms, seen.high_ms) == (10_000, 20_000)
    assert (seen.downtime_low_ms, seen.downtime_high_ms) == (300, 500)
    assert forecast_words("web-01", seen)[0] == (
        "Transfer",
        "10 to 20 s",
    )
    assert forecast_words("web-01", seen)[1] == ("Expected downtime", "300 to 500 ms")


def test_the_first_move_of_a_guest_has_only_an_upper_end() -> None:
    seen = forecast([run(own=False)], memory_bytes=512 * MIB, with_disks=False)
    assert seen
    assert (seen.low_ms, seen.high_ms, seen.ends) == (None, 51_200, None)
    assert forecast_words("web-01", seen)[0][1].startswith("About 51 s for one pass over its memory")
    assert forecast_words("web-01", seen)[-1][1].startswith("Unknown")


def test_disks_that_were_never_copied_are_not_guessed() -> None:
    seen = forecast([run(own=False)], memory_bytes=512 * MIB, with_disks=True)
    assert seen
    assert seen.high_ms is None
    assert forecast_words("web-01", seen)[0][1].startswith("Unknown")


def test_a_limit_slows_what_is_foreseen() -> None:
    seen = forecast([run()], memory_bytes=512 * MIB, with_disks=False, limit_bps=MIB)
    assert seen
    assert seen.low_ms == seen.high_ms == 100_000
    assert seen.bps == 10 * MIB  # what the link carried is not what it may carry now


def test_a_limit_below_what_it_writes_does_not_end() -> None:
    seen = forecast([run(dirty=2 * MIB)], memory_bytes=MIB, with_disks=False, limit_bps=MIB)
    assert seen
    assert seen.ends is False
    assert "memory changed at 2 MiB/s, the bandwidth limit is 1 MiB/s." in forecast_words("web-01", seen)[-1][1]


def test_small_moves_and_those_that_stalled_teach_nothing() -> None:
    """Ten migrations of tiny VMs made it say "about 1 h 5 min" for one that took 19 s; a link cut for 20 s, 8 MiB/s."""
    tiny = [run(own=False, mib=1, seconds=0.5)] * 10
    assert forecast(tiny, memory_bytes=512 * MIB, with_disks=False) is None
    for nothing in (
        run(mib=63.9), run(seconds=1.9), run(stalled=True), run(stalled=None), run(mib=1000, seconds=0.4),
    ):  # fmt: skip
        assert forecast([nothing], memory_bytes=MIB, with_disks=False) is None
        beside = forecast([*[nothing] * 20, run(own=False)], memory_bytes=512 * MIB, with_disks=False)
        alone = forecast([run(own=False)], memory_bytes=512 * MIB, with_disks=False)
        assert beside == alone
    assert forecast([run(mib=64, seconds=2)], memory_bytes=MIB, with_disks=False)


runs = st.builds(
    run,
    own=st.booleans(),
    mib=st.floats(0, 10_000),
    seconds=st.floats(0, 1000),
    dirty=st.none() | st.integers(0, 10**9),
    stalled=st.none() | st.booleans(),
)


@given(st.lists(runs, max_size=20), st.booleans(), st.none() | st.integers(MIB, 10**9))
def test_the_rate_is_one_that_a_link_has_carried_for_long_enough(
    given_runs: list[Run], paused: bool, limit: int | None
) -> None:
    seen = forecast(given_runs, memory_bytes=512 * MIB, with_disks=False, paused=paused, limit_bps=limit)
    good = [
        each for each in given_runs
        if each.stalled is False and each.transferred_bytes >= 64 * MIB and each.seconds >= 2
    ]  # fmt: skip
    assert (seen is None) is not bool(good)
    if seen:
        assert seen.runs == min(len(good), 10)
        assert seen.bps in [each.bps for each in good[:10]]
    assert not any(" 0 B/s" in text for _, text in forecast_words("web-01", seen))


def test_nothing_written_is_no_evidence() -> None:
    seen = forecast([run(dirty=0)], memory_bytes=MIB, with_disks=False)
    assert seen
    assert (seen.dirty_bps, seen.ends) == (None, None)
    stored = Forecast(runs=1, bps=10.0 * MIB, low_ms=1.0, high_ms=1.0, dirty_bps=0, ends=True)  # of an older release
    for each in (seen, stored):
        assert forecast_words("web-01", each)[-1][1].startswith("Unknown: the dirty rate of web-01")


def test_of_a_paused_guest_only_the_time_is_foreseen() -> None:
    seen = forecast([run(dirty=9 * MIB)], memory_bytes=MIB, with_disks=False, paused=True)
    assert seen
    assert (seen.downtime_high_ms, seen.ends) == (None, None)
    assert [what for what, _ in forecast_words("web-01", seen)] == ["Transfer"]


def test_what_it_wrote_is_what_its_last_move_saw() -> None:
    unseen, newer, older = run(), run(dirty=MIB), run(dirty=9 * MIB)
    seen = forecast([unseen, newer, older], memory_bytes=MIB, with_disks=False)
    assert seen
    assert seen.dirty_bps == MIB


def test_whether_it_ends() -> None:
    slow = forecast([run(dirty=MIB)], memory_bytes=MIB, with_disks=False)
    fast = forecast([run(dirty=9 * MIB)], memory_bytes=MIB, with_disks=False)
    assert slow
    assert slow.ends is True
    assert forecast_words("web-01", slow)[-1][1] == "Likely: memory changed at 1 MiB/s, the transfer rate was 10 MiB/s."
    assert fast
    assert fast.ends is False
    assert "Auto-converge" in forecast_words("web-01", fast)[-1][1]


def test_while_it_is_paused_the_downtime_is_the_copy() -> None:
    seen = forecast([run()], memory_bytes=512 * MIB, with_disks=False, pauses=True, limit_bps=MIB)
    assert seen
    assert (seen.downtime_low_ms, seen.downtime_high_ms, seen.ends) == (100_000, 100_000, None)
    assert dict(forecast_words("web-01", seen)) == {
        "Transfer": "About 1 min 40 s",
        "Expected downtime": "As long as its memory takes to copy: the VM is paused meanwhile.",
    }
    never = forecast([run(own=False)], memory_bytes=512 * MIB, with_disks=False, pauses=True)
    assert forecast_words("web-01", never)[0] == ("Transfer", "About 51 s for its memory.")
    with_disks = forecast([run()], memory_bytes=MIB, with_disks=True, pauses=True)
    assert with_disks
    assert with_disks.downtime_high_ms is None
    paused = forecast([run()], memory_bytes=MIB, with_disks=False, pauses=True, paused=True)
    assert [what for what, _ in forecast_words("web-01", paused)] == ["Transfer"]


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("downtime", "it allows a longer downtime."),
        ("finish", "in the end it pauses the VM until the rest is copied."),
        ("throttle", "it slows the VM’s CPUs down."),
        ("post_copy", "losing either host loses the VM."),
    ],
)
def test_a_proposed_policy_says_what_it_does(by: str, words: str) -> None:
    seen = Forecast(runs=1, bps=MIB, verdict="needs_help", ends=False, proposes="mine", proposes_by=by)
    line = dict(forecast_words("web-01", seen))["Policy"]
    assert line.startswith("“mine” is likely to end it: ")
    assert line.endswith(words)


def test_when_nothing_that_helps_is_allowed_it_says_so() -> None:
    seen = Forecast(runs=1, bps=MIB, verdict="needs_help", ends=False)
    assert dict(forecast_words("web-01", seen))["Policy"].startswith("None is likely to end it: the VM’s owners")
    old = Forecast(runs=1, bps=MIB, verdict="needs_help", ends=False, proposes="must finish")
    assert dict(forecast_words("web-01", old))["Policy"] == "“must finish” is likely to end it."
