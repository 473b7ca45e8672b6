from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, facts, guest, only, run, with_guest


def test_passes_for_a_vm_that_exists() -> None:
    assert run("contradictions", HEALTHY) == ()


def test_two_disks_with_one_target_block() -> None:
    twice = with_guest(disks=(*guest.disks, replace(guest.disks[0], path="/vms/other")))
    finding = only("contradictions", twice, Severity.BLOCKER)
    assert "has 2 disks with the target" in finding.summary


def test_a_disk_without_a_target_blocks() -> None:
    only("contradictions", with_guest(disks=(replace(guest.disks[0], target=""),)), Severity.BLOCKER)


def test_no_memory_or_no_cpu_blocks() -> None:
    assert "no memory" in only("contradictions", with_guest(memory_kib=0), Severity.BLOCKER).summary
    assert run("contradictions", with_guest(vcpus=0)) == ()  # without a number libvirt takes one
    none = with_guest(vcpus=0, leaves=(("vcpu", "0"),))
    assert "no CPUs" in only("contradictions", none, Severity.BLOCKER).summary


def test_unknown_is_said() -> None:
    only("contradictions", facts(guest_definition=SILENT), Severity.UNKNOWN)
