from __future__ import annotations

import pytest

from hosts.facts.host import NodeMemory
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.checks.memory_free import OVERHEAD_KIB
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import HEALTHY, SILENT, guest, only, run, with_guest, with_target

EXACT = guest.memory_kib + OVERHEAD_KIB


def free(kib: int, base: Facts = HEALTHY) -> Facts:
    return with_target(base, memory=NodeMemory(total_kib=16 * 1024**2, free_kib=kib))


def test_passes_with_enough() -> None:
    assert run("memory_free", HEALTHY) == ()
    assert run("memory_free", free(EXACT)) == ()


def test_too_little_blocks_with_numbers() -> None:
    only("memory_free", free(EXACT - 1), Severity.BLOCKER)
    finding = only("memory_free", free(EXACT - 1024 * 1024), Severity.BLOCKER)
    assert finding.summary == "kvm-b has 1.2 GiB of memory free; web01 needs 2.2 GiB."
    assert finding.evidence["total on kvm-b"] == "16 GiB"
    assert "virsh setmem --live" in finding.remedies[1].text  # how far is for the VM's owner to say


def test_room_for_the_balloon_but_not_for_the_maximum_is_a_warning() -> None:
    small = with_guest(current_memory_kib=1024**2)
    only("memory_free", free(EXACT - 1, small), Severity.WARNING)


@pytest.mark.parametrize("leaf", [("memoryBacking/locked", ""), ("memoryBacking/allocation/@mode", "immediate")])
def test_memory_that_is_taken_at_once_needs_the_maximum(leaf: tuple[str, str]) -> None:
    given = with_guest(current_memory_kib=1024**2, leaves=(leaf,))
    only("memory_free", free(EXACT - 1, given), Severity.BLOCKER)


def test_huge_pages_are_unknown_however_much_is_free() -> None:
    for kib in (EXACT - 1, 16 * EXACT):
        finding = only("memory_free", free(kib, with_guest(hugepages=True)), Severity.UNKNOWN)
        assert finding.remedies[0].command == "virsh freepages --all"


def test_unknown_when_the_destination_is_silent() -> None:
    only("memory_free", with_target(memory=SILENT), Severity.UNKNOWN)
