"""Windows as days of the week and a time, and as the rule that says the same."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.weekly import DAYS, Weekly
from portal.domain.windows import read_rule


@given(
    days=st.lists(st.sampled_from(list(DAYS)), min_size=1, unique=True),
    begins=st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0)),
)
def test_the_rule_says_the_same(days: list[str], begins: time) -> None:
    weekly = Weekly.on(days, begins)
    assert read_rule(weekly.rule)
    assert Weekly.of(weekly.rule) == weekly
    assert set(weekly.days) == set(days)


@pytest.mark.parametrize(
    ("rule", "same"),
    [
        ("FREQ=WEEKLY;BYDAY=SU,SA;BYHOUR=1", Weekly(("SA", "SU"), time(1))),
        ("FREQ=DAILY;BYDAY=MO;BYHOUR=23;BYMINUTE=30;INTERVAL=1", Weekly(("MO",), time(23, 30))),
        ("FREQ=WEEKLY", Weekly(("MO",), time(0))),
        ("freq=daily", Weekly(tuple(DAYS), time(0))),
    ],
)
def test_what_days_and_a_time_say(rule: str, same: Weekly) -> None:
    assert Weekly.of(rule) == same


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA",
        "FREQ=MONTHLY;BYDAY=1SU",
        "FREQ=DAILY;BYHOUR=1,13",
        "FREQ=DAILY;BYMINUTE=0,30",
        "FREQ=DAILY;BYMONTH=1",
        "FREQ=YEARLY",
        "FREQ=SECONDLY",
        "",
    ],
)
def test_what_they_cannot_say(rule: str) -> None:
    assert Weekly.of(rule) is None
