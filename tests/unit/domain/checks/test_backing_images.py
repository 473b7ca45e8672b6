from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.storage import Mount
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import (
    GIB,
    HEALTHY,
    LOCAL,
    SHARED,
    SILENT,
    UUID,
    changed,
    disk,
    facts,
    local_disk,
    local_volume,
    only,
    run,
    volume,
    with_guest,
    with_options,
    with_target,
)

BASE = "/local/debian.qcow2"
SHARED_BASE = "/vms/debian.qcow2"
base = replace(local_volume, name="debian.qcow2", path=BASE)


def overlay(*backing: str, on: Facts = HEALTHY) -> Facts:
    return with_guest(on, disks=(replace(disk, backing=backing),))


def with_base(here: object, there: object) -> Facts:
    return overlay(
        BASE, on=facts(source_volumes={SHARED: volume, BASE: here}, target_volumes={SHARED: volume, BASE: there})
    )


def test_passes_without_backing_images() -> None:
    assert run("backing_images", HEALTHY) == ()


def test_passes_for_bases_on_storage_that_both_hosts_share() -> None:
    given = overlay(
        SHARED_BASE, "/vms/deep/older.qcow2", on=facts(source_volumes={SHARED_BASE: volume}, target_volumes={})
    )
    assert run("backing_images", given) == ()


def test_a_base_that_is_known_to_be_missing_blocks() -> None:
    finding = only("backing_images", changed(overlay(BASE), target_files={BASE: False}), Severity.BLOCKER)
    assert finding.summary == f"Disk vda of web01 has the backing image {BASE}; kvm-b does not have it."
    assert finding.affects == "disk vda"
    assert finding.remedies[-1].command == f"virsh blockpull --wait {UUID} vda"


def test_a_base_that_is_not_seen_is_unknown_and_the_pool_can_be_read_again() -> None:
    finding = only("backing_images", with_base(base, None), Severity.UNKNOWN)
    assert "kvmweb cannot tell whether kvm-b has it" in finding.summary
    assert finding.remedies[0].command == "virsh pool-refresh local"
    only("backing_images", with_target(overlay("/elsewhere/x.qcow2"), pools=()), Severity.UNKNOWN)


def test_a_base_of_the_same_name_on_each_hosts_own_disk_is_never_green() -> None:
    finding = only("backing_images", with_base(base, base), Severity.UNKNOWN)
    assert "silently corrupt" in finding.summary
    assert "This may be the VM's own disk. Do not delete it." in finding.summary
    assert finding.evidence["pool on kvm-b"].startswith("local, type dir")
    only("backing_images", changed(overlay(BASE), target_files={BASE: True}), Severity.UNKNOWN)


def test_a_base_of_another_size_blocks() -> None:
    given = with_base(base, replace(base, capacity=GIB))
    assert "has another size" in only("backing_images", given, Severity.BLOCKER).summary


def test_passes_for_a_base_on_one_export_that_both_hosts_have_mounted() -> None:
    nfs = {"/mnt": Mount(kind="nfs4", source="nas:/templates", below=".")}
    given = changed(overlay("/mnt/x.qcow2"), source_mounts=nfs, target_mounts=nfs, target_files={"/mnt/x.qcow2": True})
    assert run("backing_images", given) == ()


def test_a_copied_disk_needs_no_base() -> None:
    copied = with_options(with_guest(disks=(replace(local_disk, backing=(BASE,)),)), copy_disks=("vdb",))
    given = changed(copied, target_files={BASE: False}, source_volumes={LOCAL: local_volume})
    assert run("backing_images", given) == ()


@pytest.mark.parametrize("place", ["network rbd:pool/base", "nvme"])
def test_a_base_that_has_no_path_is_unknown(place: str) -> None:
    finding = only("backing_images", with_guest(disks=(replace(disk, backing_elsewhere=(place,)),)), Severity.UNKNOWN)
    assert place in finding.summary


def test_every_layer_is_told_at_once() -> None:
    given = changed(overlay(BASE, "/x/y"), target_files={BASE: False, "/x/y": False})
    assert len(run("backing_images", given)) == 2


def test_unknown_when_the_destination_is_silent() -> None:
    only("backing_images", facts(target_volumes=SILENT), Severity.UNKNOWN)
    only("backing_images", facts(guest_definition=SILENT), Severity.UNKNOWN)
