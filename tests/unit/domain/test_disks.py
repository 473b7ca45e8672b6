from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import Disk
from hosts.facts.storage import Mount
from migrations_app.domain.disks import (
    Sharing,
    copy_destination,
    disks_to_copy,
    place,
    pool_at,
    pool_of,
    pool_over,
    same_mount,
    sharing,
)
from tests.unit.domain.factories import (
    LOCAL,
    SHARED,
    disk,
    guest,
    local_disk,
    local_pool,
    local_volume,
    shared_pool,
    volume,
)

POOLS = (shared_pool, local_pool)
VOLUMES = {SHARED: volume, LOCAL: local_volume}


def chosen(wanted: bool | tuple[str, ...], *disks: Disk) -> tuple[str, ...]:
    return disks_to_copy(
        replace(guest, disks=disks), wanted, source_pools=POOLS, target_pools=POOLS, source_volumes=VOLUMES
    )


def test_nothing_is_copied_unless_asked() -> None:
    assert chosen(False, disk, local_disk) == ()


def test_all_means_all_that_are_not_shared() -> None:
    assert chosen(True, disk, local_disk) == ("vdb",)


def test_all_leaves_out_what_libvirt_never_copies() -> None:
    cd = replace(local_disk, target="sda", readonly=True)
    empty = replace(local_disk, target="sdb", type="", path="")
    rbd = replace(local_disk, target="vdc", type="network", path="", network_name="rbd:pool/x")
    cluster = replace(local_disk, target="vdd", shareable=True)
    assert chosen(True, cd, empty, rbd, cluster, local_disk) == ("vdb",)


def test_all_copies_a_file_that_no_pool_knows() -> None:
    assert chosen(True, replace(local_disk, path="/elsewhere/x.qcow2")) == ("vdb",)


def test_all_copies_from_shared_storage_that_the_destination_does_not_have() -> None:
    copied = disks_to_copy(guest, True, source_pools=POOLS, target_pools=(local_pool,), source_volumes=VOLUMES)
    assert copied == ("vda",)


def test_a_list_is_taken_as_it_is_in_the_order_of_the_guest() -> None:
    assert chosen(("vdb", "vda", "vdz"), disk, local_disk) == ("vda", "vdb")


def test_place() -> None:
    assert place(disk) == SHARED
    assert place(replace(disk, type="volume", path="", pool="p", volume="v")) == "p/v"
    assert place(replace(disk, type="network", path="", network_name="nbd:x")) == "nbd:x"
    assert place(replace(disk, type="", path="")) == ""


def test_pools_by_name_and_by_folder() -> None:
    assert pool_of(disk, POOLS, None) is shared_pool
    assert pool_of(replace(disk, path="/x/y"), POOLS, volume) is shared_pool
    assert pool_of(replace(disk, path="", pool="local", volume="v"), POOLS, None) is local_pool
    assert pool_of(replace(disk, path="/x/y"), POOLS, None) is None


def test_an_active_pool_comes_first() -> None:
    off = replace(shared_pool, name="old", active=False)
    assert pool_at("/vms", (off, shared_pool)) is shared_pool
    assert pool_at("/vms", (off,)) is off


def test_a_path_below_a_mounted_pool_is_on_it() -> None:
    inner = replace(local_pool, name="inner", target_path="/vms/inner")
    iscsi = replace(shared_pool, name="lun", type="iscsi", target_path="/dev/disk/by-path")
    pools = (*POOLS, inner, iscsi)
    assert pool_over("/vms/a/b/web01.qcow2", pools) is shared_pool
    assert pool_over("/vms/inner/a/web01.qcow2", pools) is inner
    assert pool_over("/vms2/web01.qcow2", pools) is None
    assert pool_over("/dev/disk/by-path/x", pools) is iscsi
    assert pool_over("/dev/disk/by-path/x/y", pools) is None
    assert pool_over("relative", pools) is None


def test_a_copy_is_made_right_in_a_pool_or_in_the_pool_of_that_name() -> None:
    assert copy_destination(local_disk, LOCAL, POOLS) is local_pool
    assert copy_destination(local_disk, "/local/below/x", POOLS) is None
    assert copy_destination(replace(local_disk, type="volume", path="", pool="testvms"), LOCAL, POOLS) is shared_pool
    assert copy_destination(local_disk, "", POOLS) is None


def test_the_same_source_of_the_same_server_is_one_storage() -> None:
    assert sharing(shared_pool, replace(shared_pool, name="other")) is Sharing.PROVEN
    rbd = replace(shared_pool, type="rbd", source_hosts=("mon1:6789", "mon2:6789"), source_dir="", source_name="vms")
    assert sharing(rbd, replace(rbd, source_hosts=("mon2:6789", "mon3:6789"))) is Sharing.PROVEN


def test_another_server_may_be_another_name_of_it() -> None:
    assert sharing(shared_pool, replace(shared_pool, source_hosts=("nas-dr",))) is Sharing.POSSIBLE
    assert sharing(shared_pool, replace(shared_pool, source_hosts=())) is Sharing.POSSIBLE


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.1:24007", "::1", "[::1]:3260"])
def test_a_server_that_every_host_is_itself_proves_nothing(host: str) -> None:
    here = replace(shared_pool, source_hosts=(host,))
    assert sharing(here, here) is Sharing.POSSIBLE


@pytest.mark.parametrize("kind", ["scsi", "mpath"])
def test_pools_of_whatever_a_host_sees_prove_nothing(kind: str) -> None:
    here = replace(shared_pool, type=kind)
    assert sharing(here, here) is Sharing.POSSIBLE


def test_other_sources_and_local_pools_are_not_one_storage() -> None:
    assert sharing(shared_pool, replace(shared_pool, source_dir="/other")) is Sharing.NO
    assert sharing(local_pool, local_pool) is Sharing.NO
    lvm = replace(local_pool, type="logical", source_name="vg0")
    assert sharing(lvm, lvm) is Sharing.NO


NFS = Mount(kind="nfs4", source="nas:/vms", below="web")


def test_the_same_export_at_the_same_place_is_one_storage() -> None:
    assert same_mount(NFS, NFS)
    assert not same_mount(NFS, replace(NFS, source="nas-dr:/vms"))
    assert not same_mount(NFS, replace(NFS, below="other"))
    for alike in (
        replace(NFS, source="localhost:/vms"),
        replace(NFS, kind="ext4", source="/dev/sda1"),
        replace(NFS, kind="ocfs2", source="/dev/sdb"),
        Mount(kind="nfs"),
    ):
        assert not same_mount(alike, alike)
