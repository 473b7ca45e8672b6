from __future__ import annotations

from dataclasses import replace

import pytest

from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import Severity, Verdict
from tests.unit.domain.factories import HEALTHY, SILENT, disk, facts, only, run, with_guest


def test_passes_for_files_block_devices_network_storage_and_empty_drives() -> None:
    assert run("disk_types", HEALTHY) == ()
    kinds = ("file", "block", "dir", "volume", "network", "")
    assert run("disk_types", with_guest(disks=tuple(replace(disk, type=kind) for kind in kinds))) == ()


def test_a_device_of_the_host_blocks() -> None:
    finding = only("disk_types", with_guest(disks=(replace(disk, type="nvme", path=""),)), Severity.BLOCKER)
    assert finding.affects == "disk vda"


@pytest.mark.parametrize("kind", ["vhostuser", "vhostvdpa", "something-new"])
def test_other_types_are_unknown(kind: str) -> None:
    given = with_guest(disks=(replace(disk, type=kind, path=""),))
    only("disk_types", given, Severity.UNKNOWN)
    assert run_all(given).verdict is Verdict.UNKNOWN


def test_unknown_without_the_definition() -> None:
    only("disk_types", facts(guest_definition=SILENT), Severity.UNKNOWN)


def test_a_disk_without_a_source_is_unknown_but_an_empty_drive_is_not() -> None:
    only("disk_types", with_guest(disks=(replace(disk, path=""),)), Severity.UNKNOWN)
    assert run("disk_types", with_guest(disks=(replace(disk, device="cdrom", type="", path=""),))) == ()
