"""Quiet hours: wall times that may pass midnight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.rules import BadHours, within
from portal.domain.hours import quiet_span

BERLIN = "Europe/Berlin"


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "now", "span"),
    [
        ("", at(28, 9), None),
        ("08:00-18:00", at(28, 7, 59), None),
        ("08:00-18:00", at(28, 8), (at(28, 8), at(28, 18))),
        ("08:00-18:00", at(28, 18), None),
        ("22:00-06:00", at(28, 23), (at(28, 22), at(29, 6))),
        ("22:00-06:00", at(28, 5), (at(27, 22), at(28, 6))),
        ("22:00-06:00", at(28, 6), None),
        ("18:00-24:00", at(28, 23, 59), (at(28, 18), at(29, 0))),
    ],
)
def test_now(hours: str, now: datetime, span: tuple[datetime, datetime] | None) -> None:
    found = quiet_span(hours, BERLIN, now, now)
    assert (found and (found.begins, found.ends)) == span


def test_what_takes_long_may_run_into_them() -> None:
    assert quiet_span("08:00-18:00", BERLIN, at(28, 7), at(28, 8)) is None
    assert quiet_span("08:00-18:00", BERLIN, at(28, 7), at(28, 8, 1)) is not None
    assert quiet_span("08:00-18:00", BERLIN, at(28, 19), at(29, 9)) is not None


def test_the_day_that_changes_the_clocks() -> None:
    before = datetime(2026, 10, 24, 21, tzinfo=UTC)
    found = quiet_span("22:00-06:00", BERLIN, before, before)
    assert found is not None
    assert found.ends - found.begins == timedelta(hours=9)


def test_hours_that_cannot_be_read() -> None:
    with pytest.raises(BadHours):
        quiet_span("8-18", BERLIN, at(28, 9), at(28, 9))


@given(
    begins=st.integers(0, 1439),
    ends=st.integers(0, 1439),
    minute=st.integers(0, 2 * 1440),
    zone=st.sampled_from([BERLIN, "UTC"]),
)
def test_the_same_as_the_rules_of_approvals(begins: int, ends: int, minute: int, zone: str) -> None:
    """Away from the nights that change the clocks."""
    if begins == ends:
        return
    hours = f"{begins // 60:02}:{begins % 60:02}-{ends // 60:02}:{ends % 60:02}"
    now = at(28, 0) + timedelta(minutes=minute)
    assert (quiet_span(hours, zone, now, now) is not None) == within(hours, zone, now)
