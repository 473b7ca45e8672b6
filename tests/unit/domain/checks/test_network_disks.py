from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, disk, facts, only, run, with_guest


def test_passes_for_disks_in_files() -> None:
    assert run("network_disks", HEALTHY) == ()


def test_network_storage_is_unknown() -> None:
    rbd = replace(disk, type="network", path="", network_name="rbd:pool/web01")
    finding = only("network_disks", with_guest(disks=(rbd,)), Severity.UNKNOWN)
    assert finding.evidence == {"storage": "rbd:pool/web01"}


def test_unknown_without_the_definition() -> None:
    only("network_disks", facts(guest_definition=SILENT), Severity.UNKNOWN)
