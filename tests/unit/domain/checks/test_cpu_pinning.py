from __future__ import annotations

from dataclasses import replace

import pytest

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import SILENT, capabilities, only, run, with_guest, with_target

SMALL = replace(capabilities, cpu_numbers=frozenset(range(8)), numa_nodes=frozenset({0}))


@pytest.mark.parametrize(
    ("path", "value", "beyond"),
    [
        ("vcpu/@cpuset", "0-7", ""),
        ("vcpu/@cpuset", "0-9,^8,^9", ""),
        ("cputune/vcpupin/@cpuset", "2", ""),
        ("cputune/vcpupin/@cpuset", "40-41", "CPU 40-41"),
        ("cputune/emulatorpin/@cpuset", "6-9", "CPU 8-9"),
        ("cputune/iothreadpin/@cpuset", "1,12,14", "CPU 12,14"),
        ("vcpu/@cpuset", "all", "CPU all"),
        ("numatune/memory/@nodeset", "0", ""),
        ("numatune/memory/@nodeset", "0-1", "NUMA node 1"),
    ],
)
def test_what_the_destination_does_not_have_blocks(path: str, value: str, beyond: str) -> None:
    given = with_target(with_guest(leaves=((path, value),)), capabilities=SMALL)
    if not beyond:
        assert run("cpu_pinning", given) == ()
    else:
        words = f"web01 is pinned to {beyond}, which kvm-b does not have."
        assert only("cpu_pinning", given, Severity.BLOCKER).summary == words


def test_not_told_is_unknown() -> None:
    pinned = with_guest(leaves=(("vcpu/@cpuset", "0"),))
    assert only("cpu_pinning", with_target(pinned, capabilities=SILENT), Severity.UNKNOWN)
    assert only("cpu_pinning", with_target(pinned, capabilities=capabilities), Severity.UNKNOWN)
    assert run("cpu_pinning", with_target(capabilities=SILENT)) == ()
