"""What was felt of a switchover, and where nothing may be probed."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from migrations_app.domain.felt import KEPT_SECONDS, Course, may_probe, read_address, read_network


def test_what_ran_where_it_ran_was_no_switchover() -> None:
    course = Course(every=0.02)
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
    course = Course(every=every)
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
    unanswered(seen, 5, KEPT_SECONDS + 1)
    seen.sent(90_000, KEPT_SECONDS + 1)
    seen.answered(90_000, KEPT_SECONDS + 1)
    unanswered(seen, 90_001, 2 * KEPT_SECONDS + 2, since=KEPT_SECONDS + 1)
    seen.sent(99_000, 2 * KEPT_SECONDS + 2)
    seen.answered(99_000, 2 * KEPT_SECONDS + 2)
    assert seen.first_answer == pytest.approx(0.021)
    measured = seen.measured()
    assert measured is not None
    assert measured["longest_ms"] >= 11_000


def test_nothing_is_forgotten_once_the_switchover_was_seen() -> None:
    seen = course(0.001, None, 0.001)
    seen.kept = True
    lost = unanswered(seen, 4, 60)
    seen.sent(90_000, 60)
    seen.answered(90_000, 60)
    measured = seen.measured()
    assert measured is not None
    assert (measured["sent"], measured["lost"]) == (4 + lost, 1 + lost)
    assert measured["longest_ms"] >= 59_900


def test_while_nobody_sent_nobody_knows() -> None:
    """The machine was busy, or probed less because nothing could happen yet."""
    seen = course(0.001, 0.001)
    seen.sent(3, 0.34)
    seen.answered(3, 0.341)
    assert seen.measured() == {"sent": 3, "lost": 0, "longest_ms": 21}


def test_nor_just_before_the_first_that_was_lost_or_just_after_the_last() -> None:
    seen = course(0.001, 0.001)  # to 41 ms
    for number, at in ((3, 0.141), (4, 0.161), (5, 0.181)):
        seen.sent(number, at)
    seen.sent(6, 0.281)
    seen.answered(6, 0.282)
    assert seen.measured() == {"sent": 6, "lost": 3, "longest_ms": 241 - 80 // 2 - 80 // 2}


def test_a_pause_in_the_middle_of_a_silence_counts_and_so_does_what_waited_for_its_answer() -> None:
    seen = course(0.001, None, None)
    for number, at in ((4, 0.26), (5, 0.28)):
        seen.sent(number, at)
    seen.answered(5, 0.281)
    assert seen.measured() == {"sent": 5, "lost": 3, "longest_ms": 260}
    late = course(0.001, None)
    late.sent(3, 0.1)
    late.answered(3, 0.321)
    assert late.measured() == {"sent": 3, "lost": 1, "longest_ms": 300}


def unanswered(course: Course, number: int, until: float, since: float = 0.1) -> int:
    """How many were sent."""
    count = int((until - since) / course.every)
    for one in range(count):
        course.sent(number + one, since + one * course.every)
    return count


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


_ANY = st.one_of(
    st.ip_addresses().map(str),
    st.text(max_size=60),
    st.ip_addresses(v=4).map(lambda address: f"::ffff:{address}"),
    st.ip_addresses(v=6).map(lambda address: f"{address}%eth0"),
    st.sampled_from(["0.0.0.0", "255.255.255.255", "::", "::1", "127.1", "010.0.0.1", "0x7f.0.0.1", "192.0.2.256"]),
)


@given(text=_ANY)
@example("١٩٢.0.2.1")
@example("64:ff9b::192.0.2.1")
def test_whatever_is_reported_only_an_address_of_a_named_network_is_probed(text: str) -> None:
    named = ("192.0.2.0/24", "2001:db8::/32", "64.0.0.0/2")
    if may_probe(text, named):
        address = read_address(text)
        assert any(
            address in ip_network(network) for network in named if ip_network(network).version == address.version
        )
        assert not any((address.is_loopback, address.is_multicast, address.is_link_local, address.is_unspecified))


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30) | st.none()), max_size=80), st.booleans())
def test_a_measurement_is_never_more_than_all_and_never_less_than_nothing(
    probes: list[tuple[float, float | None]], kept: bool
) -> None:
    seen = Course(every=0.02, kept=kept)
    for number, (at, after) in enumerate(sorted(probes, key=lambda probe: probe[0]), 1):
        seen.sent(number, at)
        if after is not None:
            seen.answered(number, at + after)
    measured = seen.measured()
    if measured is not None:
        assert 0 <= measured["lost"] < measured["sent"] <= len(probes)
        assert 0 <= measured["longest_ms"] <= 60_000
