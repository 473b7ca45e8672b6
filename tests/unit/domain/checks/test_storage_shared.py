from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hosts.facts.storage import Mount
from migrations_app.domain.kinds import Kind
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import (
    GIB,
    HEALTHY,
    LOCAL,
    SHARED,
    SILENT,
    changed,
    cold,
    disk,
    facts,
    identity,
    local_disk,
    local_pool,
    local_volume,
    only,
    run,
    shared_pool,
    volume,
    with_guest,
    with_options,
    with_source,
    with_target,
)

LOCAL_ONLY = with_guest(disks=(local_disk,))


def test_passes_on_a_pool_that_both_hosts_have() -> None:
    assert run("storage_shared", HEALTHY) == ()


def test_another_server_may_be_another_storage_and_both_are_named() -> None:
    finding = only(
        "storage_shared", with_target(pools=(replace(shared_pool, source_hosts=("nas-dr",)),)), Severity.UNKNOWN
    )
    assert "comes from nas on kvm-a and from nas-dr on kvm-b" in finding.summary


def test_a_pool_of_the_same_source_at_another_path_proves_nothing() -> None:
    elsewhere = replace(shared_pool, target_path="/")
    only("storage_shared", with_target(pools=(elsewhere,)), Severity.UNKNOWN)


def test_passes_below_the_folder_of_a_shared_pool() -> None:
    below = replace(disk, path="/vms/customers/web01.qcow2")
    assert run("storage_shared", with_guest(disks=(below,))) == ()


def test_passes_for_copied_readonly_and_network_disks() -> None:
    assert run("storage_shared", with_options(LOCAL_ONLY, copy_disks=("vdb",))) == ()
    assert run("storage_shared", with_guest(disks=(replace(local_disk, readonly=True),))) == ()
    assert run("storage_shared", with_guest(disks=(replace(disk, type="network", path=""),))) == ()


def test_a_file_that_only_the_source_shows_blocks_in_libvirts_words() -> None:
    """Nobody has said that it is local."""
    finding = only("storage_shared", LOCAL_ONLY, Severity.BLOCKER)
    assert "Migration without shared storage is unsafe" in finding.summary
    assert "on local storage" not in finding.summary
    assert "Or copy disk" in finding.remedies[-1].text
    assert finding.evidence["path"] == LOCAL
    assert "local, type dir" in finding.evidence["pool on kvm-a"]


def test_unsafe_turns_it_into_a_warning() -> None:
    only("storage_shared", with_options(LOCAL_ONLY, unsafe=True), Severity.WARNING)


def test_a_directory_that_may_be_shared_is_unknown() -> None:
    given = changed(LOCAL_ONLY, target_volumes={LOCAL: local_volume})
    finding = only("storage_shared", given, Severity.UNKNOWN)
    assert "This may be the VM's own disk. Do not delete it." in finding.summary
    assert not any("copy it" in fix.text for fix in finding.remedies)  # nothing is overwritten


def test_of_a_vm_that_is_shut_off_libvirt_checks_nothing_so_a_doubt_blocks() -> None:
    assert run("storage_shared", cold()) == ()
    finding = only("storage_shared", cold(mounted(None, None)), Severity.BLOCKER)
    assert {remedy.kind for remedy in finding.remedies} == {"", "offline_storage"}
    local = with_guest(disks=(local_disk,))
    assert "kvm-b could not start the VM." in only("storage_shared", cold(local), Severity.BLOCKER).summary


def test_directories_of_two_file_systems_block() -> None:
    given = changed(LOCAL_ONLY, target_volumes={LOCAL: local_volume})
    only("storage_shared", with_target(given, pools=(replace(local_pool, capacity=50 * GIB),)), Severity.BLOCKER)


def test_a_shared_pool_that_leads_elsewhere_is_unknown() -> None:
    given = with_target(pools=(replace(shared_pool, source_dir="/other"),))
    only("storage_shared", given, Severity.UNKNOWN)


FSTAB = replace(disk, path="/mnt/nas/web01.qcow2")
NFS = Mount(kind="nfs4", source="nas:/vms", below=".")


def mounted(here: Mount | None, there: Mount | None, **changes: Any) -> Facts:
    """A disk in a folder that no pool has."""
    given = facts(
        source_mounts={"/mnt/nas": here or SILENT}, target_mounts={"/mnt/nas": there or SILENT}, target_volumes={}
    )
    return with_guest(given, disks=(replace(FSTAB, **changes),))


def test_passes_for_one_export_that_both_hosts_have_mounted_themselves() -> None:
    assert run("storage_shared", mounted(NFS, NFS)) == ()


def test_a_shared_file_system_that_the_destination_may_have_from_elsewhere_is_unknown() -> None:
    for there in (None, replace(NFS, source="nas-dr:/vms"), Mount(kind="ext4", source="/dev/sda1", below="mnt")):
        assert "libvirt does not check this" in only("storage_shared", mounted(NFS, there), Severity.UNKNOWN).summary


def test_a_local_file_system_blocks_and_is_named() -> None:
    finding = only("storage_shared", mounted(Mount(kind="ext4", source="/dev/sda1"), None), Severity.BLOCKER)
    assert finding.evidence["file system on kvm-a"] == "ext4, /dev/sda1"


@pytest.mark.parametrize("there", ["images", "local"])
def test_another_name_of_the_pool_does_not_make_it_local(there: str) -> None:
    by_pool = replace(local_disk, type="volume", path="", pool="local", volume="data.qcow2")
    pools = with_target(with_guest(disks=(by_pool,)), pools=(replace(local_pool, name=there),))
    assert "on local storage" not in only("storage_shared", pools, Severity.BLOCKER).summary
    assert run("storage_shared", changed(pools, source_mounts={"/local": NFS}, target_mounts={"/local": NFS})) == ()
    shared = replace(disk, type="volume", path="", pool="testvms", volume="web01.qcow2")
    assert (
        run("storage_shared", with_target(with_guest(disks=(shared,)), pools=(replace(shared_pool, name=there),))) == ()
    )


def test_a_file_system_that_is_in_no_list_is_unknown() -> None:
    for kind in ("fuseblk", "lustre", "virtiofs"):
        only("storage_shared", mounted(Mount(kind=kind), None), Severity.UNKNOWN)


def test_a_folder_without_a_pool_that_nobody_could_ask_about_is_unknown() -> None:
    only("storage_shared", mounted(None, None), Severity.UNKNOWN)


def test_a_directory_pool_on_a_shared_file_system_is_not_local() -> None:
    given = changed(LOCAL_ONLY, source_mounts={"/local": NFS}, target_mounts={"/local": NFS})
    assert run("storage_shared", given) == ()
    only("storage_shared", changed(given, target_mounts={}), Severity.UNKNOWN)


def test_a_folder_below_a_directory_pool_may_be_a_mount() -> None:
    below = replace(local_disk, path="/local/nas/data.qcow2")
    only("storage_shared", with_guest(disks=(below,)), Severity.UNKNOWN)


def test_the_host_that_exports_the_folder_itself() -> None:
    given = mounted(Mount(kind="ext4", source="/dev/sda1"), NFS)
    only("storage_shared", given, Severity.BLOCKER)
    only("storage_shared", with_source(given, identity=identity(libvirt=11_003_000)), Severity.UNKNOWN)


@pytest.mark.parametrize("kind", ["iscsi", "scsi", "mpath"])
def test_block_devices_of_pools_that_are_not_proven_to_be_one_are_unknown(kind: str) -> None:
    here = replace(shared_pool, type=kind, target_path="/dev/disk/by-path")
    there = replace(here, source_hosts=("portal-2",))
    lun = replace(disk, type="block", path="/dev/disk/by-path/ip-x-lun-1")
    given = with_source(with_target(with_guest(disks=(lun,)), pools=(there,)), pools=(here,))
    only("storage_shared", given, Severity.UNKNOWN)


def test_volume_groups_of_the_same_name_are_a_warning() -> None:
    lvm = replace(local_pool, type="logical", source_name="vg0", target_path="/dev/vg0")
    lv = replace(disk, type="volume", path="", pool="local", volume="web01")
    given = with_source(with_target(with_guest(disks=(lv,)), pools=(lvm,)), pools=(lvm,))
    only("storage_shared", given, Severity.WARNING)


def test_a_block_device_is_a_warning() -> None:
    lv = replace(disk, type="block", path="/dev/vg/web01")
    there = {lv.path: replace(volume, pool="vg", path=lv.path, type="block")}
    given = with_guest(facts(source_volumes=there, target_volumes=there), disks=(lv,))
    assert "libvirt does not check this" in only("storage_shared", given, Severity.WARNING).summary


def test_unknown_when_pools_are_not_known() -> None:
    only("storage_shared", with_target(pools=SILENT), Severity.UNKNOWN)
    only("storage_shared", facts(source_volumes=SILENT, target_volumes={SHARED: None}), Severity.UNKNOWN)


def test_suspended_can_copy_it_too() -> None:
    suspended = replace(LOCAL_ONLY, request=replace(LOCAL_ONLY.request, kind=Kind.SUSPENDED))
    fix = only("storage_shared", suspended, Severity.BLOCKER).remedies[-1]
    assert (fix.text, fix.kind) == ("Or copy disk vdb: choose it among the disks to copy.", "")
