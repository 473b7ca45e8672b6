"""What libvirt tells of a guest's memory before it migrates."""

from __future__ import annotations

from typing import Any

import pytest

from hosts.facts.memory_use import MIB, DirtyRate, MemoryUse, read_rate, read_use

MEASURED: dict[str, Any] = {
    "dirtyrate.calc_status": 2,
    "dirtyrate.calc_period": 1,
    "dirtyrate.calc_mode": "page-sampling",
    "dirtyrate.megabytes_per_second": 18,
}


def test_a_measurement_is_read() -> None:
    assert read_rate(MEASURED) == DirtyRate(seconds=1, bps=18 * MIB)


@pytest.mark.parametrize(
    "stats", [{}, {**MEASURED, "dirtyrate.calc_status": 1}, {**MEASURED, "dirtyrate.megabytes_per_second": -1}]
)
def test_one_that_runs_or_was_never_made_is_none(stats: dict[str, Any]) -> None:
    assert read_rate(stats) is None


def test_what_is_not_told_is_not_known() -> None:
    assert read_use({}) == MemoryUse()
    assert read_use({"balloon.current": 1024, "balloon.rss": 512}) == MemoryUse(size=MIB, resident=MIB // 2)
