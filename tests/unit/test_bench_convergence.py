"""What others do for a VM that writes faster than the link, replayed; and what the bench says about the aim."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bench.outcomes import MEASURE, Outcome, report
from bench.recipes import ROWS, Do, KubeVirtDeadline, KubeVirtStall, Nova, OVirt, Proxmox, Recipe, Row, Step
from hosts.facts.guest import JobKind, JobStats
from tests.runs import FOLDER, load

MIB = 1024**2
Look = tuple[float, JobStats]


def look(at_s: float, left_mib: float, number: int = 2, rate_mib: float = 8) -> Look:
    stats = JobStats(
        kind=JobKind.MIGRATION_OUT,
        iteration=number,
        memory_remaining=round(left_mib * MIB),
        memory_bps=round(rate_mib * MIB),
    )
    return at_s, stats


def steps(recipe: Recipe, looks: Iterable[Look]) -> list[tuple[float, Step]]:
    return [(at_s, step) for at_s, stats in looks for step in recipe.look(at_s, stats)]


def recorded(name: str) -> list[Look]:
    return [((stats.elapsed_ms or 0) / 1000, stats) for stats in load(FOLDER / f"{name}.json").looks]


def seconds(until: int, left_mib: float = 24) -> list[Look]:
    return [look(float(at), left_mib, number=2 + at // 3) for at in range(until)]


def test_nova_climbs_by_time_alone_and_forces_the_end() -> None:
    """An 8 GiB VM changes the step every 600 s; a small one counts as 2 GiB."""
    taken = steps(Nova(8), seconds(6500))
    assert [step.value for _, step in taken[:-1]] == [50, 95, 140, 185, 230, 275, 320, 365, 410, 455, 500]
    assert [at for at, _ in taken[:3]] == [0, 600, 1200]
    assert taken[-1] == (6400, Step(Do.PAUSE))
    assert [at for at, _ in steps(Nova(0.1), seconds(200))] == [0, 150]


def test_ovirt_climbs_one_step_in_ten_seconds_and_only_in_a_later_pass() -> None:
    taken = steps(OVirt(1), seconds(120))
    assert [step.value for _, step in taken[:5]] == [150, 200, 300, 400, 500]
    assert [at for at, _ in taken] == [0, 10, 20, 30, 40, 50]
    assert taken[-1][1] == Step(Do.ABORT)
    assert steps(OVirt(1), [look(float(at), 24, number=1) for at in range(100)]) == []


def test_ovirt_suspends_with_five_seconds_before_it_gives_up() -> None:
    suspend = next(row for row in ROWS if "suspend" in row.name)
    taken = [step for _, step in steps(suspend.make(1), seconds(120))]
    assert taken[-2:] == [Step(Do.DOWNTIME, 5000), Step(Do.ABORT)]


def test_proxmox_doubles_when_what_is_left_grows_more_than_five_times() -> None:
    saw = [look(float(at), 24 if at % 3 == 0 else 16) for at in range(100)]
    taken = steps(Proxmox(1), saw)
    assert [step.value for _, step in taken] == [200, 400, 800, 1600, 3200]
    assert [at for at, _ in taken][:2] == [18, 36]  # it grows once in three seconds
    assert steps(Proxmox(1), [look(float(at), 100 - at) for at in range(100)]) == []


def test_proxmox_looks_more_often_near_the_end_and_stops_at_its_cap() -> None:
    taken = steps(Proxmox(1), [look(at / 4, 1 + at % 2) for at in range(3000)])
    assert taken[0][0] == 2.75
    assert taken[-1][1].value == 2_000_000


def test_kubevirt_pauses_at_its_deadline_and_gives_up_without_data() -> None:
    moving = [look(float(at), 10 + at % 2) for at in range(400)]
    assert steps(KubeVirtDeadline(0.1), moving)[:2] == [(150, Step(Do.PAUSE)), (301, Step(Do.ABORT))]
    still = steps(KubeVirtDeadline(4), [look(float(at), 24) for at in range(160)])
    assert still[0] == (151, Step(Do.ABORT))


def test_kubevirt_2026_pauses_at_a_minimum_after_forty_seconds_without_progress() -> None:
    passes = [look(3.0 * number, left, number + 2) for number, left in enumerate([30, 25, *[24, 27, 22, 26] * 10])]
    taken = steps(KubeVirtStall(1), passes)
    assert taken[0][1] == Step(Do.PAUSE)
    at = taken[0][0]
    assert 40 < at <= 70
    left = dict(passes)[at].memory_remaining or 0
    assert left <= 22 * MIB * 1.04


def test_kubevirt_2026_takes_the_next_best_when_no_minimum_comes() -> None:
    left = [30, 20, *[24 + number % 3 for number in range(40)]]
    taken = steps(KubeVirtStall(1), [look(3.0 * number, mib, number + 2) for number, mib in enumerate(left)])
    assert taken[0][1] == Step(Do.PAUSE)
    assert taken[0][0] > 80  # 40 s without progress, 40 s of patience


def test_kubevirt_2026_does_nothing_while_the_network_has_dropped() -> None:
    slow = [look(3.0 * number, 24, number + 2, rate_mib=0.01) for number in range(40)]
    assert steps(KubeVirtStall(0.1), slow) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_migration_that_converges_is_left_alone_or_helped_but_never_ended(row: Row) -> None:
    taken = {step.do for _, step in steps(row.make(0.125), recorded("busy-0.3"))}
    assert taken <= {Do.DOWNTIME}


def test_a_recorded_stall_is_ended_by_the_detector_and_not_by_the_deadline() -> None:
    assert [step.do for _, step in steps(KubeVirtStall(0.125), recorded("busy-3"))][:1] == [Do.PAUSE]
    assert steps(KubeVirtDeadline(0.125), recorded("busy-3")) == []


def outcome(name: str, seconds: float, *, arrived: bool = True) -> Outcome:
    return Outcome(name, arrived, seconds, 800, 900, 1.5)


@pytest.mark.parametrize(("ours", "word"), [(61, "reached"), (70, "missed")])
def test_must_finish_is_compared_with_the_best_recipe_that_arrives(ours: float, word: str) -> None:
    found = [outcome(MEASURE, ours), outcome("Nova", 20, arrived=False), outcome("Proxmox", 60), outcome("oVirt", 90)]
    first, second, *_ = report(found)
    assert first == f"{MEASURE} arrived 1 of 1 times   (aim: always, reached)"
    assert second.strip() == f"{ours / 60:.2f} × the time of the best other recipe, Proxmox   (aim: 1.03, {word})"


def test_a_recipe_that_did_not_arrive_has_no_ratio() -> None:
    lines = report([outcome(MEASURE, 50), outcome("Nova", 180, arrived=False)])
    assert lines[-1].split() == ["Nova", "0", "of", "1", "(180", "s)", "800", "ms", "900", "ms", "1.5", "s"]
    assert report([outcome(MEASURE, 50, arrived=False)])[0].endswith("arrived 0 of 1 times   (aim: always, missed)")


def test_a_vm_that_is_silent_afterwards_says_nothing_of_what_was_felt() -> None:
    line = report([Outcome("Nova", True, 60, 800, 2900, 3, heard=False)])[-1]
    assert line.split()[:7] == ["Nova", "1", "of", "1", "60", "s", "800"]
    assert "2900" not in line
    assert line.endswith("(silent afterwards: 1)")
