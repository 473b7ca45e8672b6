from __future__ import annotations

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import SILENT, UUID, cold, only, run, stays


def test_passes_without_a_saved_state() -> None:
    assert run("saved_state", cold()) == ()


def test_a_saved_state_blocks() -> None:
    finding = only("saved_state", cold(guest_managed_save=True), Severity.BLOCKER)
    assert finding.summary == ("web01 has a saved state on kvm-a (managed save), which libvirt would leave behind.")
    commands = [remedy.command for remedy in finding.remedies]
    assert commands == [f"virsh start {UUID}", f"virsh managedsave-remove {UUID}"]


def test_unknown_blocks() -> None:
    only("saved_state", cold(guest_managed_save=SILENT), Severity.BLOCKER)


def test_a_saved_state_names_the_disks_where_they_are() -> None:
    finding = only("saved_state", stays(guest_managed_save=True), Severity.BLOCKER)
    assert finding.summary.endswith("(managed save), which names its disks where they are now.")
    assert "migrate its storage while it runs" in finding.remedies[0].text
