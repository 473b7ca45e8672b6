from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import SharedMemory
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import SILENT, disk, facts, only, run, with_guest


def test_a_disk_that_other_vms_may_use() -> None:
    assert run("shared_with_others") == ()
    shared = with_guest(disks=(replace(disk, shareable=True),))
    assert only("shared_with_others", shared, Severity.INFO).affects == "disk vda"


def test_memory_that_other_vms_may_see() -> None:
    given = with_guest(shared_memory=(SharedMemory(name="s0", model="ivshmem-plain", role="master"),))
    assert "no longer share memory s0" in only("shared_with_others", given, Severity.INFO).summary


def test_unknown_without_the_definition() -> None:
    only("shared_with_others", facts(guest_definition=SILENT), Severity.UNKNOWN)
