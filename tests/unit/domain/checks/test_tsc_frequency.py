from __future__ import annotations

from dataclasses import replace

import pytest

from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import HEALTHY, capabilities, only, run, with_guest, with_target


def _facts(frequency: int, *, scaling: bool = False) -> Facts:
    leaves = (("clock/timer/@name", "tsc"), ("clock/timer/@frequency", "2800000000"))
    there = replace(capabilities, tsc_frequency=frequency, tsc_scaling=scaling)
    return with_target(with_guest(HEALTHY, leaves=leaves), capabilities=there)


@pytest.mark.parametrize(
    ("frequency", "scaling"), [(2_800_000_000, False), (2_800_500_000, False), (2_000_000_000, True)]
)
def test_the_same_nearly_the_same_or_scaled(frequency: int, scaling: bool) -> None:
    assert run("tsc_frequency", _facts(frequency, scaling=scaling)) == ()


def test_another_one() -> None:
    found = only("tsc_frequency", _facts(2_801_000_000), Severity.BLOCKER)
    assert found.evidence == {"needed": "2800.000 MHz", "TSC of kvm-b": "2801.000 MHz, cannot be scaled"}


def test_not_reported() -> None:
    only("tsc_frequency", _facts(0), Severity.UNKNOWN)


def test_a_vm_without_one() -> None:
    assert run("tsc_frequency") == ()
