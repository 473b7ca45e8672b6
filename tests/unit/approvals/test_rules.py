"""Which rules match, and when a plan is another one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.decision import ApprovalState, Ballot, decide
from approvals.domain.plan import Plan, findings_of, to_ask_again
from approvals.domain.rules import BadHours, Case, Conditions, is_zone, matches, read_hours, within

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
PLAN = Plan(guest="g", kind="live", options={"unsafe": False}, source=1, target=2, findings=(("cpu", "passed"),))


def case(**changes: Any) -> Case:
    return Case(**{"team": 3, "guest": "g", "kind": "live", "downtime_ms": 200, "at": NOON, **changes})


@pytest.mark.parametrize(
    ("rule", "matched"),
    [
        (Conditions(), True),
        (Conditions(team=3, guest="g", kind="live", hours="08:00-18:00", downtime_ms=200), True),
        (Conditions(team=4), False),
        (Conditions(guest="h"), False),
        (Conditions(kind="storage"), False),
        (Conditions(hours="12:01-18:00"), False),
        (Conditions(hours="08:00-12:00"), False),
        (Conditions(downtime_ms=201), False),
        (Conditions(hours="20:00-02:00", time_zone="Asia/Tokyo"), True),
    ],
)
def test_all_conditions_that_are_set_must_hold(rule: Conditions, matched: bool) -> None:
    assert matches(rule, case()) is matched


def test_a_downtime_that_is_not_known_counts_as_longer() -> None:
    assert matches(Conditions(downtime_ms=10**6), case(downtime_ms=None))


def test_a_vm_of_no_team_matches_only_rules_for_any() -> None:
    assert matches(Conditions(), case(team=None))
    assert not matches(Conditions(team=3), case(team=None))


@pytest.mark.parametrize(
    "text", ["", "8:00-18:00", "08:00", "08:00-08:00", "25:00-26:00", "08:00-24:30", "08:60-09:00"]
)
def test_hours_that_are_none(text: str) -> None:
    with pytest.raises(BadHours):
        read_hours(text)


def test_hours_and_zones_that_nobody_can_read_count_as_always() -> None:
    assert within("whenever", "UTC", NOON)
    assert within("01:00-02:00", "Mars/Olympus", NOON)
    assert not is_zone("Mars/Olympus")
    assert not is_zone("")
    assert not is_zone("../../etc/passwd")
    assert is_zone("Europe/Berlin")


MINUTES = st.integers(0, 24 * 60 - 1)


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@given(MINUTES, MINUTES, st.datetimes(timezones=st.just(UTC)))
def test_a_range_and_the_one_from_its_end_to_its_begin_share_the_day(begin: int, end: int, when: datetime) -> None:
    if begin != end:
        there, back = f"{clock(begin)}-{clock(end)}", f"{clock(end)}-{clock(begin)}"
        assert within(there, "UTC", when) is not within(back, "UTC", when)


# --- the plan -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"guest": "h"},
        {"kind": "offline"},
        {"options": {"unsafe": True}},
        {"source": 2},
        {"target": 1},
        {"findings": (("cpu", "warning"),)},
        {"about": "close"},
    ],
)
def test_every_part_of_a_plan_is_in_its_hash(changes: dict[str, Any]) -> None:
    whole = {
        "guest": PLAN.guest, "kind": PLAN.kind, "options": PLAN.options, "source": PLAN.source, "target": PLAN.target,
        "findings": PLAN.findings,
    }  # fmt: skip
    other = Plan(**{**whole, **changes})
    assert other.hash != PLAN.hash
    assert to_ask_again(PLAN.as_json(), 100, other, 100) == other


def test_the_order_and_the_number_of_findings_change_nothing() -> None:
    stored = [{"check": "b", "severity": "passed"}, {"check": "a", "severity": "unknown"}]
    once, twice = findings_of(stored), findings_of([*stored[::-1], *stored])
    assert Plan(guest="g", kind="live", findings=once).hash == Plan(guest="g", kind="live", findings=twice).hash


@pytest.mark.parametrize(
    ("before", "now", "again"),
    [(100, 199, False), (100, 200, True), (100, None, True), (None, 10**6, False), (None, None, False), (0, 0, False)],
)
def test_a_forecast_that_has_doubled_is_asked_again(before: int | None, now: int | None, again: bool) -> None:
    asked = to_ask_again(PLAN.as_json(), before, PLAN, now)
    assert (asked is not None) is again
    if asked is not None:
        assert asked.hash != PLAN.hash
        assert to_ask_again(asked.as_json(), now, PLAN, now) is None


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_no_forecast_ever_stands_that_is_twice_what_was_asked(forecasts: list[int]) -> None:
    content, stored = PLAN.as_json(), forecasts[0]
    hashes = [PLAN.hash]
    for now in forecasts[1:]:
        asked = to_ask_again(content, stored, PLAN, now)
        if asked is not None:
            content, stored = asked.as_json(), now
            hashes.append(asked.hash)
        assert now < 2 * max(stored, 1)
    assert len(set(hashes)) == len(hashes)


# --- the decision -------------------------------------------------------------------------------------------------------

VOTES = st.lists(st.sampled_from(list(Ballot)), max_size=6)


@given(
    VOTES, st.integers(1, 5), st.sampled_from([None, NOON - timedelta(seconds=1), NOON, NOON + timedelta(seconds=1)])
)
def test_one_deny_ends_it_and_expiry_means_no(votes: list[Ballot], quorum: int, expires_at: datetime | None) -> None:
    state = decide(votes, quorum=quorum, expires_at=expires_at, now=NOON)
    if Ballot.DENY in votes:
        assert state is ApprovalState.DENIED
    elif len(votes) >= quorum:
        assert state is ApprovalState.APPROVED
    else:
        due = expires_at is not None and expires_at <= NOON
        assert state is (ApprovalState.EXPIRED if due else ApprovalState.OPEN)


@given(VOTES, st.integers(1, 5))
def test_the_order_of_votes_decides_nothing(votes: list[Ballot], quorum: int) -> None:
    def said(given: list[Ballot]) -> ApprovalState:
        return decide(given, quorum=quorum, expires_at=None, now=NOON)

    assert said(votes) is said(votes[::-1])
