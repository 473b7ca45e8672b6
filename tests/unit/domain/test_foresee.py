"""The model of the passes, and what a forecast rests on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.memory_use import DirtyRate
from migrations_app.domain.forecast import Ending, Forecast, Known, Run, forecast
from migrations_app.domain.forecast.passes import course
from migrations_app.domain.forecast.writing import writing

MIB = 1024 * 1024
GIB = 1024 * MIB
LINK = 100 * MIB


def window(mib: int) -> DirtyRate:
    return DirtyRate(seconds=1, bps=mib * MIB)


def seen(*runs: Run, mib: int | None = 0, **known: object) -> Forecast:
    values: dict[str, object] = {"memory_bytes": GIB, "resident_bytes": 900 * MIB, **known}
    values["windows"] = () if mib is None else (window(mib),)
    made = Known(**values)  # type: ignore[arg-type]
    found = forecast(runs, memory_bytes=GIB, with_disks=False, known=made)
    assert found is not None
    return found


def run(*, own: bool = True, dirty: int = 10, seconds: float = 9.0, first: int = 800) -> Run:
    return Run(
        same_guest=own,
        transferred_bytes=900 * MIB,
        seconds=seconds,
        downtime_ms=200,
        dirty_bps=dirty * MIB,
        mean_dirty_bps=dirty * MIB,
        stalled=False,
        memory_bytes=GIB,
        first_bytes=first * MIB,
        first_seconds=8.0,
        resident_bytes=900 * MIB,
    )


def test_an_idle_vm_takes_one_pass() -> None:
    found = course(800 * MIB, bps=LINK, dirty_bps=0, allowed_s=0.3)
    assert (found.ends, round(found.seconds, 3)) == (True, 8.0)


def test_each_pass_leaves_what_was_written_meanwhile() -> None:
    found = course(800 * MIB, bps=LINK, dirty_bps=50 * MIB, allowed_s=0.3)
    assert found.ends
    assert 15 < found.seconds <= 16  # 8 + 4 + 2 ...


def test_one_that_writes_faster_than_the_link_never_ends() -> None:
    assert not course(800 * MIB, bps=LINK, dirty_bps=120 * MIB, allowed_s=0.3).ends


def test_a_measurement_counts_as_much_as_it_is_certain() -> None:
    noisy = writing([window(20)], [run(dirty=15)])
    assert noisy is not None
    assert 15 * MIB < noisy.bps < 20 * MIB
    other = writing([window(90)], [run(dirty=15)])  # it does something else now
    assert other is not None
    assert (other.bps, other.low_bps) == (90 * MIB, 15 * MIB)
    assert writing([], []) is None


def test_bursts_make_it_less_certain() -> None:
    steady, bursts = writing([window(20), window(22)]), writing([window(2), window(40)])
    assert steady is not None
    assert bursts is not None
    assert bursts.high_bps - bursts.low_bps > 2 * (steady.high_bps - steady.low_bps)


def test_its_own_migrations_tell_best() -> None:
    found = seen(run(), mib=10)
    assert (found.verdict, found.runs, found.rate_from, found.dirty_from) == ("converges", 1, "transfers", "measured")
    assert found.first_bytes == 800 * MIB
    assert (found.low_ms or 0) < 9000 < (found.high_ms or 0)
    assert abs((found.likely_ms or 0) - 9000) < 300


def test_others_tell_what_qemu_holds_for_itself() -> None:
    assert seen(run(own=False), resident_bytes=500 * MIB).first_bytes == 400 * MIB


def test_a_first_one_rests_on_the_nominal_rate_and_says_no_more_than_that() -> None:
    found = seen(nominal_bps=LINK)
    assert (found.runs, found.rate_from, found.verdict, found.ends) == (0, "nominal", "uncertain", None)
    assert (found.likely_ms, found.high_ms, found.proposes) == (None, None, "")
    assert 0 < (found.low_ms or 0) < 1500  # a tenth of what QEMU holds
    faster = seen(nominal_bps=LINK, mib=500)  # than the path can carry at most
    assert (faster.verdict, faster.low_ms, faster.proposes) == ("needs_help", None, "must finish")
    assert forecast([], memory_bytes=GIB, with_disks=False, known=Known(memory_bytes=GIB)) is None


def test_without_a_dirty_rate_nothing_is_said_about_the_end() -> None:
    found = seen(nominal_bps=LINK, mib=None)
    assert (found.verdict, found.ends, found.dirty_bps, found.high_ms, found.downtime_high_ms) == (
        "",
        None,
        None,
        None,
        None,
    )
    assert found.low_ms is not None


@pytest.mark.parametrize(("allowed_ms", "verdict"), [(100, Ending.UNCERTAIN), (1000, Ending.CONVERGES)])
def test_what_is_written_in_a_second_may_be_the_same_memory_again_and_again(allowed_ms: int, verdict: str) -> None:
    found = seen(run(own=False), mib=20, allowed_ms=allowed_ms, most_ms=allowed_ms)
    assert found.verdict == verdict


def test_what_needs_help_has_a_policy_proposed() -> None:
    found = seen(run(own=False), mib=500)
    assert (found.verdict, found.likely_ms, found.high_ms, found.ends) == ("needs_help", None, None, False)
    assert (found.proposes, found.downtime_high_ms) == ("must finish", None)
    nearly = seen(run(dirty=96), mib=96, resident_bytes=900 * MIB)
    assert (nearly.verdict, nearly.proposes, nearly.proposes_by) == ("uncertain", "must finish", "finish")


def test_a_vm_that_was_idle_before_and_writes_fast_now_is_not_foreseen_as_idle() -> None:
    assert seen(run(dirty=0), mib=500).verdict == "uncertain"  # which of both it does then is not known
    assert seen(run(dirty=30), mib=5).verdict == "converges"  # it ended even when it wrote more


def test_a_vm_that_uses_more_memory_than_before_has_more_to_send() -> None:
    first = [seen(run(), resident_bytes=held * MIB).first_bytes for held in (900, 930, 1000)]
    assert first == [800 * MIB, 800 * MIB, 900 * MIB]


def test_huge_pages_tell_nothing_of_what_is_in_use() -> None:
    found = seen(run(own=False), resident_bytes=None)
    assert found.first_bytes == GIB - 100 * MIB
    assert (found.high_ms or 0) > 10_000


def test_a_first_pass_that_was_hardly_seen_tells_no_rate() -> None:
    whole = run()
    assert replace(whole, flow_seconds=7.95, flow_bytes=100 * MIB).first_bps == whole.bps
    assert replace(whole, flow_seconds=1.0, flow_bytes=900 * MIB).first_bps == whole.bps
    assert not replace(whole, seconds=0.0).tells
