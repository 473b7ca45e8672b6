"""The forecast beside recorded real migrations; bench/forecast.py says how each is foreseen."""

from __future__ import annotations

from statistics import median

from bench.forecast import Foreseen, History, figures, foreseen
from migrations_app.domain.forecast import Ending


def ended(found: tuple[Foreseen, ...]) -> list[Foreseen]:
    return [one for one in found if one.ended_by_itself]


def test_there_are_enough_of_all_kinds() -> None:
    runs = foreseen()
    assert len(runs) >= 40
    assert {one.about["writes"] for one in runs} == {"idle", "busy", "bursty", "changing"}
    assert {one.about["link_mib"] is None for one in runs} == {True, False}
    assert {one.ended_by_itself for one in runs} == {True, False}


def test_no_verdict_is_wrong_and_few_are_uncertain() -> None:
    runs = foreseen()
    assert [one.about["name"] for one in runs if one.wrong] == []
    assert sum(one.seen.verdict == Ending.UNCERTAIN for one in runs) <= 0.25 * len(runs)
    assert all((one.seen.proposes != "") is (one.seen.verdict != Ending.CONVERGES) for one in runs)


def test_durations_are_foreseen_within_a_tenth() -> None:
    runs = ended(foreseen())
    assert median(one.duration_off for one in runs) <= 0.10
    assert sum(one.duration_inside for one in runs) >= 0.85 * len(runs)


def test_downtimes_are_in_their_range() -> None:
    stood = [one.downtime_inside for one in ended(foreseen())]
    assert sum(stood) >= 0.9 * len(stood)


def test_at_a_quarter_of_the_time_the_time_left_is_known() -> None:
    assert median(one.left_off for one in ended(foreseen())) <= 0.05


def test_a_first_migration_has_a_forecast_from_the_nominal_rate() -> None:
    """Which is that of the interface: it is not shaped, and the path is."""
    runs = foreseen(History.NONE)
    assert {(one.seen.runs, one.seen.rate_from, one.seen.likely_ms) for one in runs} == {(0, "nominal", None)}
    assert not [one.about["name"] for one in runs if one.wrong]
    assert all(one.duration_inside for one in ended(runs))
    assert sum(one.downtime_inside for one in ended(runs)) >= 0.9 * len(ended(runs))


def test_those_that_were_recorded_before_are_enough() -> None:
    runs = foreseen(History.BEFORE)
    assert not [one.about["name"] for one in runs if one.wrong]
    assert median(one.duration_off for one in ended(runs)) <= 0.10
    assert sum(one.downtime_inside for one in ended(runs)) >= 0.9 * len(ended(runs))
    assert median(one.left_off for one in ended(runs) if one.own) <= 0.05


def test_the_figures_are_printed() -> None:
    lines = list(figures(foreseen()))
    assert lines[0].startswith("verdict wrong in 0 of ")
    assert len(lines) >= 5
