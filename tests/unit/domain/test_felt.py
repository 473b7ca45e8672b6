"""What was felt of a switchover, and where nothing may be probed."""

from __future__ import annotations

import pytest

from migrations_app.domain.felt import KEPT_SECONDS, Course, may_probe, read_address, read_network


def test_what_ran_where_it_ran_was_no_switchover() -> None:
    course = Course()
    course.sent(1, 0.0)
    course.answered(1, 0.1)
    course.kept = True
    course.sent(2, 9.0)
    course.answered(2, 9.1)
    course.go_on()
    assert course.measured() is None
    assert not course.kept


def course(*answered: float | None, every: float = 0.02) -> Course:
    """A probe every 20 ms from 0 on; each is answered after so many seconds, or never."""
    course = Course()
    for number, after in enumerate(answered, 1):
        course.sent(number, number * every)
        if after is not None:
            course.answered(number, number * every + after)
    return course


def test_nothing_is_measured_before_the_first_answer() -> None:
    assert course(None, None).measured() is None


def test_the_longest_silence_is_between_two_answers() -> None:
    seen = course(0.001, 0.001, None, None, None, 0.001, 0.001)
    assert seen.measured() == {"sent": 7, "lost": 3, "longest_ms": 80}


def test_late_answers_are_not_lost_and_the_silence_counts() -> None:
    """A VM that was paused answers all at once when it goes on."""
    seen = course(0.001, 0.081, 0.061, 0.041, 0.021, 0.001)
    assert seen.measured() == {"sent": 6, "lost": 0, "longest_ms": 100}


def test_probes_before_the_first_answer_and_those_on_the_way_are_not_counted() -> None:
    assert course(None, 0.001, 0.001, None).measured() == {"sent": 2, "lost": 0, "longest_ms": 20}


def test_a_silence_that_lasts_counts_up_to_now() -> None:
    seen = course(0.001, 0.001, None, None)
    assert seen.measured(silent_at=2.041) == {"sent": 4, "lost": 2, "longest_ms": 2000}


def test_what_came_long_before_is_forgotten_but_not_a_silence_that_began() -> None:
    seen = course(0.001, None, 0.001, None)  # it is forgotten that the second was lost, not that the fourth was
    seen.sent(5, KEPT_SECONDS + 1)
    seen.answered(5, KEPT_SECONDS + 1)
    seen.sent(6, 2 * KEPT_SECONDS + 2)
    seen.answered(6, 2 * KEPT_SECONDS + 2)
    assert seen.first_answer == pytest.approx(0.021)
    measured = seen.measured()
    assert measured is not None
    assert measured["longest_ms"] >= 11_000


def test_nothing_is_forgotten_once_the_switchover_was_seen() -> None:
    seen = course(0.001, None, 0.001)
    seen.kept = True
    seen.sent(4, 60)
    seen.answered(4, 60)
    assert seen.measured() == {"sent": 4, "lost": 1, "longest_ms": 59_939}


def test_an_answer_counts_once_and_only_to_what_was_sent() -> None:
    seen = course(0.001, None)
    seen.answered(1, 5.0)
    seen.answered(99, 5.0)
    assert seen.measured() == {"sent": 1, "lost": 0, "longest_ms": 0}
    assert seen.answers_since(0.02)
    assert not seen.answers_since(0.03)


@pytest.mark.parametrize(
    ("text", "read"),
    [(" 192.0.2.0/24 ", "192.0.2.0/24"), ("2001:db8::/64", "2001:db8::/64"), ("10.0.0.7", "10.0.0.7/32")],
)
def test_networks(text: str, read: str) -> None:
    assert str(read_network(text)) == read


@pytest.mark.parametrize(
    "text",
    ["", "x", "192.0.2.1/24", "0.0.0.0/0", "::/0", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "fe80::/64",
     "ff02::/16", "::1", "255.255.255.255", "240.0.0.0/4", "192.0.2.0/33", "::ffff:0:0/96"],
)  # fmt: skip
def test_networks_that_are_never_probed(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        read_network(text)


@pytest.mark.parametrize(
    "text", ["", "name", "127.0.0.1", "::1", "169.254.1.1", "fe80::1", "224.0.0.1", "0.0.0.0", "::ffff:192.0.2.1"]
)
def test_addresses_that_are_never_probed(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        read_address(text)
    assert not may_probe(text, ["0.0.0.0/1", "2000::/3"])


def test_only_in_the_named_networks() -> None:
    named = ["192.0.2.0/24", "2001:db8::/64"]
    assert may_probe("192.0.2.17", named)
    assert may_probe("2001:db8::17", named)
    assert not may_probe("192.0.3.17", named)
    assert not may_probe("2001:db9::17", named)
    assert not may_probe("192.0.2.255", named)  # the whole network would answer
    assert not may_probe("192.0.2.0", named)
    assert not may_probe("192.0.2.17", [])
    assert may_probe("192.0.2.17", ["192.0.2.17/32"])
    assert may_probe("192.0.2.17", ["192.0.2.16/31"])
