from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, disk, facts, only, run, with_guest


def test_passes_for_ordinary_disks() -> None:
    assert run("transient_disks", HEALTHY) == ()


def test_a_transient_disk_blocks() -> None:
    finding = only("transient_disks", with_guest(disks=(replace(disk, transient=True),)), Severity.BLOCKER)
    assert finding.affects == "disk vda"


def test_unknown_without_the_definition() -> None:
    only("transient_disks", facts(guest_definition=SILENT), Severity.UNKNOWN)
