from __future__ import annotations

from dataclasses import replace
from typing import Any

from hosts.facts.guest import Disk
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.facts.saved import SavedFacts
from tests.unit.domain.factories import SILENT, UUID, disk, guest, local_disk, only, run, stays


def saved(*disks: Disk, **changes: Any) -> Facts:
    """Its saved definition has these disks."""
    return stays(saved=SavedFacts(definition=replace(guest, disks=disks), domcaps=SILENT, cpu=SILENT), **changes)


def test_passes_when_both_definitions_have_the_disk_at_one_place() -> None:
    assert run("saved_disks", stays()) == ()
    assert run("saved_disks", saved(disk)) == ()


def test_other_disks_may_differ() -> None:
    assert run("saved_disks", saved(disk, local_disk)) == ()


def test_a_transient_vm_blocks() -> None:
    finding = only("saved_disks", stays(guest_persistent=False), Severity.BLOCKER)
    assert finding.summary.startswith("web01 is transient")
    assert finding.remedies[0].command == f"virsh dumpxml --migratable {UUID}"


def test_another_place_in_the_saved_definition_blocks() -> None:
    finding = only("saved_disks", saved(replace(disk, path="/vms/new.qcow2")), Severity.BLOCKER)
    assert finding.summary == (
        "web01 runs with disk vda at /vms/web01.qcow2; its saved definition names /vms/new.qcow2 there."
    )


def test_a_disk_that_only_the_running_vm_has_blocks() -> None:
    assert "its saved definition does not have it" in only("saved_disks", saved(), Severity.BLOCKER).summary


def test_unknown_blocks() -> None:
    only("saved_disks", stays(guest_persistent=SILENT), Severity.BLOCKER)
