"""What the tests of a VM that has arrived mean."""

from __future__ import annotations

import pytest

from migrations_app.domain import arrival
from migrations_app.domain.arrival import Result, Sign
from migrations_app.domain.kinds import KIND, Kind
from migrations_app.domain.options import Options


@pytest.mark.parametrize(
    ("kind", "options", "was_paused", "runs"),
    [
        (Kind.LIVE, {}, False, True),
        (Kind.LIVE, {}, True, False),
        (Kind.LIVE_STORAGE, {}, False, True),
        (Kind.SUSPENDED, {}, False, True),
        (Kind.SUSPENDED, {"keep_paused": True}, False, False),
        (Kind.OFFLINE, {}, False, False),
        (Kind.OFFLINE, {"start_after": True}, False, True),
        (Kind.OFFLINE_STORAGE, {}, False, False),
        (Kind.STOP_MOVE_START, {}, False, True),
        (Kind.STORAGE, {}, False, False),
    ],
)
def test_only_what_is_meant_to_run_is_tested(
    kind: Kind, options: dict[str, bool], was_paused: bool, runs: bool
) -> None:
    assert arrival.runs_there(KIND[kind], Options(**options), was_paused=was_paused) is runs


def test_before_it_is_tested_all_is_unknown() -> None:
    rows = arrival.not_yet(has_agent=True)
    assert [row.sign for row in rows] == list(Sign)
    assert {row.result for row in rows} == {Result.UNKNOWN}
    assert Sign.AGENT not in [row.sign for row in arrival.not_yet(has_agent=False)]
    assert rows[0].as_json() == {"test": "agent", "result": "unknown", "text": "Not tested yet."}


def test_only_what_was_there_before_can_fail() -> None:
    assert arrival.agent(answers=True, answered_before=False).result is Result.PASSED
    assert arrival.agent(answers=False, answered_before=True, error="x").result is Result.FAILED
    assert arrival.agent(answers=False, answered_before=False, error="x").result is Result.UNKNOWN
    assert arrival.address("203.0.113.7", answers=True, answered_before=False).result is Result.PASSED
    assert arrival.address("203.0.113.7", answers=False, answered_before=True).result is Result.FAILED
    assert arrival.address("203.0.113.7", answers=False, answered_before=False).result is Result.UNKNOWN


def test_cpus() -> None:
    assert arrival.cpu(used_ms=1, seconds=0.25).result is Result.PASSED
    found = arrival.cpu(used_ms=0, seconds=8.1)
    assert (found.result, found.text) == (Result.FAILED, "Its CPUs have done nothing for 8 s.")


@pytest.mark.parametrize(
    ("after", "before", "doubt", "result", "text"),
    [
        (12, -4, 0, "passed", "The VM's clock is 12 ms ahead of kvmweb's; before the switchover it was 4 ms behind."),
        (-3200, 100, 0, "failed", "The VM's clock is 3.2 s behind kvmweb's; before the switchover it was 100 ms ahead."),
        (-3200, -3000, 0, "passed", "The VM's clock is 3.2 s behind kvmweb's; before the switchover it was 3.0 s behind."),
        (40, -3600, 0, "passed", "The VM's clock is 40 ms ahead of kvmweb's; before the switchover it was 3.6 s behind."),
        (900, None, 0, "passed", "The VM's clock is 900 ms ahead of kvmweb's; it was not known before."),
        (1500, None, 0, "failed", "The VM's clock is 1.5 s ahead of kvmweb's; it was not known before."),
        (1500, 0, 800, "passed", "The VM's clock is 1.5 s ahead of kvmweb's; before the switchover it was 0 ms ahead."),
    ],
)  # fmt: skip
def test_the_clock(after: int, before: int | None, doubt: int, result: str, text: str) -> None:
    found = arrival.clock(after_ms=after, before_ms=before, doubt_ms=doubt)
    assert (found.result, found.text) == (result, text)
