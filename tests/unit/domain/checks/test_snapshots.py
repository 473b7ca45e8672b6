from __future__ import annotations

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, UUID, facts, only, run, stays


def test_passes_without_snapshots() -> None:
    assert run("snapshots", HEALTHY) == ()


def test_one_snapshot_blocks() -> None:
    finding = only("snapshots", facts(guest_snapshots=1), Severity.BLOCKER)
    assert finding.summary == "web01 has 1 snapshot; libvirt refuses to migrate it."
    assert finding.remedies[0].command == f"virsh snapshot-list {UUID}"


def test_several_snapshots_block() -> None:
    assert "3 snapshots" in only("snapshots", facts(guest_snapshots=3), Severity.BLOCKER).summary


def test_unknown_when_nobody_counted() -> None:
    only("snapshots", facts(guest_snapshots=SILENT), Severity.UNKNOWN)


def test_snapshots_are_bound_to_the_disks() -> None:
    finding = only("snapshots", stays(guest_snapshots=2), Severity.BLOCKER)
    assert finding.summary == "web01 has 2 snapshots; they are bound to its disks as they are now."
