from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import disk, local_disk, only, run, stays, with_guest


def test_passes_for_a_disk_of_its_own() -> None:
    assert run("own_disks", stays()) == ()


def test_a_disk_that_stays_may_be_shared() -> None:
    shared = replace(local_disk, shareable=True, transient=True)
    assert run("own_disks", with_guest(stays(), disks=(disk, shared))) == ()


def test_a_shareable_disk_blocks() -> None:
    given = with_guest(stays(), disks=(replace(disk, shareable=True),))
    finding = only("own_disks", given, Severity.BLOCKER)
    assert finding.summary == "Disk vda is shareable: other VMs that use it would not use the new disk."


def test_a_transient_disk_blocks() -> None:
    given = with_guest(stays(), disks=(replace(disk, transient=True),))
    assert "libvirt does not copy" in only("own_disks", given, Severity.BLOCKER).summary
