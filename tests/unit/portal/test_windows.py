"""Windows: local wall times, daylight saving, bounded rules, and the first time that fits."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.windows import HORIZON, BadRule, Opening, Span, first_fit, next_openings, read_rule, spans

BERLIN = "Europe/Berlin"
SATURDAY = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def opening(rule: str, *, zone: str = "UTC", minutes: int = 120) -> Opening:
    return Opening(rule=read_rule(rule), time_zone=zone, minutes=minutes)


def never_closed(*_: datetime) -> Span | None:
    return None


def begins(rule: str, now: datetime, *, zone: str = "UTC", most: int = 3) -> list[str]:
    found = next_openings(opening(rule, zone=zone), now, most)
    return [f"{span.begins.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}" for span in found]


def test_weekend_nights() -> None:
    assert begins("FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=1;BYMINUTE=0", SATURDAY) == [
        "Sun 2026-11-29 01:00", "Sat 2026-12-05 01:00", "Sun 2026-12-06 01:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ("FREQ=DAILY", "Sun 2026-11-29 00:00"),
        ("FREQ=DAILY;INTERVAL=2;BYHOUR=3", "Mon 2026-11-30 03:00"),
        ("FREQ=WEEKLY", "Mon 2026-11-30 00:00"),
        ("rrule:freq=weekly;interval=2;byday=tu", "Tue 2026-12-01 00:00"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;WKST=SU", "Sun 2026-11-29 00:00"),
        ("FREQ=MONTHLY", "Tue 2026-12-01 00:00"),
        ("FREQ=MONTHLY;INTERVAL=3;BYDAY=1SU;BYHOUR=2", "Sun 2027-01-03 02:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "Mon 2026-11-30 00:00"),
        ("FREQ=YEARLY", "Fri 2027-01-01 00:00"),
        ("FREQ=YEARLY;BYMONTH=5", "Sat 2027-05-01 00:00"),
        ("FREQ=YEARLY;BYDAY=WE", "Wed 2026-12-02 00:00"),
    ],
)
def test_what_a_rule_leaves_out(rule: str, first: str) -> None:
    assert begins(rule, SATURDAY, most=1) == [first]


def test_every_second_week_is_the_same_week_whenever_one_looks() -> None:
    rule = "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA;BYHOUR=1"
    first = next_openings(opening(rule), SATURDAY, 1)[0].begins
    for days in range(40):
        for span in next_openings(opening(rule), SATURDAY + timedelta(days=days)):
            assert (span.begins - first) % timedelta(days=14) == timedelta()


def test_wall_time_stays_when_the_clocks_change() -> None:
    rule = "FREQ=DAILY;BYHOUR=1"
    found = next_openings(opening(rule, zone=BERLIN), datetime(2026, 10, 24, 12, tzinfo=UTC), 2)
    assert [span.begins for span in found] == [
        datetime(2026, 10, 24, 23, tzinfo=UTC),  # summer time
        datetime(2026, 10, 26, 0, tzinfo=UTC),
    ]


def test_a_skipped_time_begins_later_and_a_doubled_one_the_first_time() -> None:
    skipped = next_openings(
        opening("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", zone=BERLIN), datetime(2026, 3, 28, 12, tzinfo=UTC)
    )
    assert skipped[0] == Span(datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2026, 3, 29, 3, 30, tzinfo=UTC))
    doubled = next_openings(
        opening("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", zone=BERLIN), datetime(2026, 10, 24, 12, tzinfo=UTC)
    )
    assert doubled[0] == Span(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 2, 30, tzinfo=UTC))


def test_openings_stay_in_order_in_the_night_that_skips_an_hour() -> None:
    both = opening("FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,30", zone=BERLIN)
    found = [span.begins for span in next_openings(both, datetime(2026, 3, 28, 12, tzinfo=UTC), 6)]
    assert found == sorted(found)


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "BYHOUR=3",
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;BYHOUR=1",
        "FREQ=HOURLY",
        "FREQ=DAILY;COUNT=1000000000",
        "FREQ=DAILY;UNTIL=99991231T000000Z",
        "DTSTART:99990101T000000\nRRULE:FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=99",
        "FREQ=DAILY;BYSECOND=1",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=DAILY;BYHOUR=",
        "FREQ=DAILY;BYHOUR=٣",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=4,6;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYDAY=1SA;BYMONTHDAY=20",
        "FREQ=MONTHLY;BYDAY=6SA",
        "FREQ=MONTHLY;BYDAY=FR,1SA",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=2",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=WEEKLY;BYDAY=1SA",
        "FREQ=WEEKLY;BYMONTHDAY=1",
        "FREQ=YEARLY;BYEASTER=1",
        "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=0,10,20",
    ],
)
def test_a_rule_that_never_ends_to_be_counted_is_refused(rule: str) -> None:
    with pytest.raises(BadRule):
        read_rule(rule)


_NUMBERS = st.lists(st.integers(-33, 33), min_size=1, max_size=3)
_PART = st.one_of(
    st.integers(0, 13).map(lambda one: f"INTERVAL={one}"),
    st.lists(st.sampled_from(["MO", "SU", "1SA", "-1FR", "5WE", "FR"]), min_size=1, max_size=3).map(
        lambda days: f"BYDAY={','.join(days)}"
    ),
    st.tuples(st.sampled_from(["BYMONTH", "BYMONTHDAY", "BYHOUR", "BYMINUTE"]), _NUMBERS).map(
        lambda part: f"{part[0]}={','.join(map(str, part[1]))}"
    ),
)
_RULES = st.tuples(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]), st.lists(_PART, max_size=3)).map(
    lambda one: ";".join([f"FREQ={one[0]}", *one[1]])
)


@given(rule=_RULES, zone=st.sampled_from(["UTC", BERLIN, "Pacific/Apia", "America/St_Johns"]))
@settings(max_examples=300, deadline=None)
def test_any_rule_is_refused_or_opens_in_bounded_time(rule: str, zone: str) -> None:
    try:
        one = opening(rule, zone=zone)
    except BadRule:
        return
    started = time.process_time()
    found = [span for span, _ in zip(spans(one, SATURDAY), range(3), strict=False)]
    assert time.process_time() - started < 3
    assert len(found) == 3
    assert all(span.ends > SATURDAY for span in found)
    assert found == sorted(found, key=lambda span: span.begins)


@given(
    rules=st.lists(st.tuples(_RULES, st.integers(1, 3000)), min_size=1, max_size=3),
    minute=st.integers(0, 525_600),
    takes=st.integers(0, 600).map(lambda minutes: timedelta(minutes=minutes)),
)
@settings(max_examples=150, deadline=None)
def test_what_starts_is_over_before_the_openings_end(
    rules: list[tuple[str, int]], minute: int, takes: timedelta
) -> None:
    try:
        openings = [opening(rule, zone=BERLIN, minutes=minutes) for rule, minutes in rules]
    except BadRule:
        return
    now = SATURDAY + timedelta(minutes=minute)
    start = first_fit(openings, never_closed, now, takes)
    if start is None:
        return
    assert now <= start <= now + HORIZON
    for at in (start, start + takes / 2, start + takes - timedelta(seconds=1) if takes else start):
        assert any(next_openings(one, at, 1)[0].begins <= at for one in openings if next_openings(one, at, 1))


def test_open_now_and_long_enough() -> None:
    daily = opening("FREQ=DAILY;BYHOUR=11")
    assert first_fit([daily], never_closed, SATURDAY, HOUR) == SATURDAY
    assert first_fit([daily], never_closed, SATURDAY, HOUR * 1.5) == datetime(2026, 11, 29, 11, tzinfo=UTC)
    assert first_fit([daily], never_closed, SATURDAY, HOUR * 3) is None


def test_without_windows_it_is_always_open() -> None:
    assert first_fit([], never_closed, SATURDAY, HOUR * 1000) == SATURDAY


def test_openings_that_follow_each_other_are_one() -> None:
    always = opening("FREQ=DAILY", minutes=1440)
    assert first_fit([always], never_closed, SATURDAY, HOUR * 100) == SATURDAY
    two = [opening("FREQ=DAILY;BYHOUR=1", minutes=60), opening("FREQ=DAILY;BYHOUR=2", minutes=60)]
    assert first_fit(two, never_closed, SATURDAY, HOUR * 2) == datetime(2026, 11, 29, 1, tzinfo=UTC)


def test_what_is_closed_is_passed_over() -> None:
    freeze = Span(SATURDAY, SATURDAY + timedelta(days=30))

    def closed(begins: datetime, ends: datetime) -> Span | None:
        return freeze if begins < freeze.ends and ends > freeze.begins else None

    assert first_fit([opening("FREQ=DAILY;BYHOUR=11")], closed, SATURDAY, HOUR) == freeze.ends
    assert first_fit([], lambda begins, ends: Span(begins, ends), SATURDAY, HOUR * 24) is None
