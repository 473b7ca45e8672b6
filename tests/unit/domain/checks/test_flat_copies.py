"""Copies of disks that build on other images."""

from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, local_disk, only, run, with_guest, with_options

BASE = "/local/debian.qcow2"


def test_a_copy_is_flat() -> None:
    overlay = with_guest(disks=(replace(local_disk, backing=(BASE,), backing_elsewhere=("nvme",)),))
    finding = only("flat_copies", with_options(overlay, copy_disks=("vdb",)), Severity.INFO)
    assert finding.summary == "The copy of disk vdb is flat: it needs none of the backing images."
    assert finding.evidence == {"images": f"{BASE}, nvme"}
    assert run("flat_copies", overlay) == ()


def test_nothing_is_said_without_backing_images() -> None:
    assert run("flat_copies", HEALTHY) == ()
