from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SHARED, SILENT, disk, facts, only, run, with_guest

CD = replace(disk, target="sda", device="cdrom", path="/vms/a.iso", startup_policy="optional")


def test_passes_without_optional_media() -> None:
    assert run("removable_media", HEALTHY) == ()


def test_passes_when_it_is_there() -> None:
    assert run("removable_media", with_guest(disks=(replace(CD, path=SHARED),))) == ()


def test_passes_when_somebody_saw_the_file() -> None:
    given = facts(target_files={CD.path: True}, target_volumes={})
    assert run("removable_media", with_guest(given, disks=(CD,))) == ()


def test_an_optional_hard_disk_is_not_taken_out() -> None:
    assert run("removable_media", with_guest(disks=(replace(CD, device="disk"),))) == ()


def test_warns_that_the_drive_will_be_empty() -> None:
    finding = only("removable_media", with_guest(disks=(CD,)), Severity.WARNING)
    assert "kvmweb does not see /vms/a.iso on kvm-b" in finding.summary
    assert finding.affects == "disk sda"


def test_unknown_when_the_destination_is_silent() -> None:
    only("removable_media", facts(target_volumes=SILENT), Severity.UNKNOWN)


def test_a_drive_of_the_host_has_another_medium_there() -> None:
    drive = replace(CD, type="block", path="/dev/sr0", startup_policy="")
    assert "another medium" in only("removable_media", with_guest(disks=(drive,)), Severity.WARNING).summary
