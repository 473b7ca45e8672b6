"""What a request would take of a quota."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.quota import DIMENSIONS, Exceeded, judge, quota_words

NONE: dict[str, int | None] = dict.fromkeys(DIMENSIONS)


def numbers(moves: float = 0, gib: float = 0, at_once: float = 0) -> dict[str, float]:
    return {"moves_per_day": moves, "gib_per_day": gib, "at_once": at_once}


def test_a_limit_may_be_reached_and_not_passed() -> None:
    assert judge({**NONE, "moves_per_day": 5}, numbers(4), numbers(1)) == []
    found = judge({**NONE, "moves_per_day": 5}, numbers(5), numbers(1))
    assert found == [Exceeded(dimension="moves_per_day", used=5, asked=1, limit=5)]
    assert quota_words(found) == (
        "This is more than the team's quota: 5 of 5 migrations in 24 hours, and this one asks for 1."
    )


def test_every_dimension_is_named() -> None:
    found = judge(dict.fromkeys(DIMENSIONS, 0), numbers(), numbers(1, 0.5, 1))
    assert [one.dimension for one in found] == list(DIMENSIONS)
    assert found[1].as_json() == {"dimension": "gib_per_day", "used": 0, "asked": 0.5, "limit": 0}


amounts = st.builds(numbers, *[st.floats(0, 1e6)] * 3)


@given(used=amounts, asked=amounts)
def test_no_limit_refuses_nothing(used: dict[str, float], asked: dict[str, float]) -> None:
    assert judge(NONE, used, asked) == []


@given(limit=st.integers(0, 10**6), used=amounts, asked=amounts)
def test_only_what_is_shown_as_more_is_more(limit: int, used: dict[str, float], asked: dict[str, float]) -> None:
    found = {one.dimension: one for one in judge(dict.fromkeys(DIMENSIONS, limit), used, asked)}
    for dimension in DIMENSIONS:
        more = round(round(used[dimension], 1) + round(asked[dimension], 1), 1) > limit
        assert (dimension in found) == more
