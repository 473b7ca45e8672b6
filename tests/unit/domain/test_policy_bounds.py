"""What a policy may be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrations_app.domain.convergence.bounds import LONGEST_NAME, MOST_STEPS, NUMBERS, BadPolicy, Bounds, check
from migrations_app.domain.convergence.policy import BUILT_IN, GENTLE, Policy


def _refused(policy: Policy) -> BadPolicy:
    with pytest.raises(BadPolicy) as refused:
        check(policy)
    assert str(refused.value).endswith(".")
    assert "{" not in str(refused.value)
    return refused.value


@pytest.mark.parametrize("policy", BUILT_IN, ids=lambda policy: policy.name)
def test_those_that_come_with_kvmweb_are_policies(policy: Policy) -> None:
    check(policy)


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row.name)
def test_a_number_has_its_bounds(row: Bounds) -> None:
    free = replace(GENTLE, ladder_ms=())
    for allowed in (row.minimum, row.maximum):
        check(replace(free, **{row.name: allowed}))
    for refused in (row.minimum - 1, row.maximum + 1):
        problem = _refused(replace(free, **{row.name: refused}))
        assert (problem.field, str(problem)) == (row.name, row.out_of_bounds)


@pytest.mark.parametrize("steps", [(), (101,), tuple(range(101, 101 + MOST_STEPS)), (200, 2_000_000)])
def test_longer_downtimes_that_rise(steps: tuple[int, ...]) -> None:
    check(replace(GENTLE, ladder_ms=steps))


@pytest.mark.parametrize(
    "steps", [(100,), (99,), (200, 200), (200, 150), (200, 2_000_001), (-1,), tuple(range(101, 122))]
)
def test_longer_downtimes_that_do_not(steps: tuple[int, ...]) -> None:
    assert _refused(replace(GENTLE, ladder_ms=steps)).field == "ladder_ms"


@pytest.mark.parametrize(
    "name", ["", " x", "x ", "-x", "a/b", ".", "..", "a\x00b", "a\u200fb", "x" * (LONGEST_NAME + 1)]
)
def test_a_name_is_one_line_that_an_address_can_hold(name: str) -> None:
    assert _refused(replace(GENTLE, name=name)).field == "name"
