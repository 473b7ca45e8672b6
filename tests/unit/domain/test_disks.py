from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import Disk
from migrations_app.domain.disks import disks_to_copy, place, pool_at, pool_of, same_storage
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


def test_same_storage() -> None:
    assert same_storage(shared_pool, replace(shared_pool, name="other", source_hosts=("10.0.0.9",)))
    assert not same_storage(shared_pool, replace(shared_pool, source_dir="/other"))
    assert not same_storage(local_pool, local_pool)
