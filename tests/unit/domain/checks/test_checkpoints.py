from __future__ import annotations

from hosts.facts.checkpoint import Checkpoint
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, changed, cold, facts, identity, only, run, stays, with_options

ONE = facts(guest_checkpoints=(Checkpoint(name="monday", created=1),))
TWO = facts(guest_checkpoints=tuple(Checkpoint(name=name, created=1) for name in ("monday", "tuesday")))


def test_passes_without_checkpoints() -> None:
    assert run("checkpoints", HEALTHY) == ()
    assert run("checkpoints", facts(target_identity=identity(libvirt=6_000_000))) == ()


def test_those_of_a_vm_that_is_shut_off_block() -> None:
    finding = only("checkpoints", cold(TWO), Severity.BLOCKER)
    assert finding.summary.startswith("web01 has 2 checkpoints, which libvirt defines again only for a VM that runs")
    assert run("checkpoints", cold()) == ()


def test_one_is_carried() -> None:
    finding = only("checkpoints", ONE, Severity.INFO)
    assert finding.summary == "web01 has 1 checkpoint; kvmweb redefines it on kvm-b after the migration."


def test_several_are_carried() -> None:
    finding = only("checkpoints", TWO, Severity.INFO)
    assert finding.summary == "web01 has 2 checkpoints; kvmweb redefines them on kvm-b after the migration."
    assert finding.evidence["checkpoints"] == "monday, tuesday"


def test_libvirt_there_is_too_old() -> None:
    finding = only("checkpoints", changed(TWO, target_identity=identity(libvirt=6_009_000)), Severity.WARNING)
    assert (
        finding.summary == "web01 has 2 checkpoints that kvmweb cannot redefine on kvm-b: its libvirt 6.9.0 is too old."
    )
    assert finding.remedies[0].text == "Incremental backups since them fail: make a full backup."


def test_bitmaps_of_copied_disks_migrate_between_newer_hosts_only() -> None:
    copied = with_options(TWO, copy_disks=("vda",))
    only("checkpoints", copied, Severity.INFO)
    for side in ("source", "target"):
        for old in ({"libvirt": 7_002_000}, {"qemu": 5_002_000}):
            finding = only("checkpoints", changed(copied, **{f"{side}_identity": identity(**old)}), Severity.WARNING)
            assert "does not migrate the bitmaps of copied disks" in finding.summary


def test_unknown_when_libvirt_did_not_list_them() -> None:
    only("checkpoints", facts(guest_checkpoints=SILENT), Severity.UNKNOWN)


def test_unknown_when_the_destination_does_not_tell_its_version() -> None:
    only("checkpoints", changed(ONE, target_identity=identity(libvirt=0)), Severity.UNKNOWN)


def test_checkpoints_are_bound_to_the_disks() -> None:
    finding = only("checkpoints", stays(guest_checkpoints=(Checkpoint(name="c1", created=1),)), Severity.BLOCKER)
    assert finding.summary == "web01 has 1 checkpoint, bound to its disks as they are now."
