"""The one rule for what is on shared storage, and the one for what is copied."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.facts.guest import Disk
from hosts.facts.storage import Mount, Pool
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import (
    Sharing,
    Storage,
    copy_destination,
    disks_to_copy,
    folders_to_ask,
    place,
    pool_at,
    pool_of,
    pool_over,
    same_mount,
    same_pool,
    same_source,
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
HERE = Storage(pools=POOLS, volumes=VOLUMES)
NFS = Mount(kind="nfs4", source="nas:/vms", below="web")
EXT4 = Mount(kind="ext4", source="/dev/sda1", below="local")


def chosen(
    wanted: bool | tuple[str, ...], *disks: Disk, there: Storage = HERE, here: Storage = HERE
) -> tuple[str, ...]:
    return disks_to_copy(replace(guest, disks=disks), wanted, here, there)


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
    assert chosen(True, disk, there=Storage(pools=(local_pool,))) == ("vda",)


def test_a_disk_in_a_plain_pool_on_a_shared_mount_is_not_copied() -> None:
    mounted = replace(HERE, mounts={"/local": NFS})
    assert chosen(True, local_disk, here=mounted, there=mounted) == ()
    by_volume = replace(local_disk, type="volume", path="", pool="local", volume="data.qcow2")
    assert chosen(True, by_volume, here=mounted, there=mounted) == ()


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
    assert same_source(shared_pool, replace(shared_pool, name="other"))
    rbd = replace(shared_pool, type="rbd", source_hosts=("mon1:6789", "mon2:6789"), source_dir="", source_name="vms")
    assert same_source(rbd, replace(rbd, source_hosts=("mon2:6789", "mon3:6789")))


def test_another_server_may_be_another_name_of_it() -> None:
    assert not same_source(shared_pool, replace(shared_pool, source_hosts=("nas-dr",)))
    assert not same_source(shared_pool, replace(shared_pool, source_hosts=()))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.1:24007", "::1", "[::1]:3260"])
def test_a_server_that_every_host_is_itself_proves_nothing(host: str) -> None:
    here = replace(shared_pool, source_hosts=(host,))
    assert not same_source(here, here)


@pytest.mark.parametrize("kind", ["scsi", "mpath", "dir", "logical"])
def test_pools_of_whatever_a_host_has_prove_nothing(kind: str) -> None:
    here = replace(shared_pool, type=kind)
    assert not same_source(here, here)


def test_another_export_is_not_proven_to_be_one_storage() -> None:
    assert not same_source(shared_pool, replace(shared_pool, source_dir="/other"))


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


# --- the rule ----------------------------------------------------------------------------------------------------------


def by_volume(of: Disk) -> Disk:
    """The same disk, given by pool and volume."""
    pool = "testvms" if of.path == SHARED else "local"
    return replace(of, type="volume", path="", pool=pool, volume=of.path.rpartition("/")[2])


@pytest.mark.parametrize("given_by", [lambda of: of, by_volume], ids=["path", "pool and volume"])
@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        pytest.param(NFS, NFS, Sharing.PROVEN, id="one export"),
        pytest.param(NFS, replace(NFS, source="nas-dr:/vms"), Sharing.POSSIBLE, id="another server"),
        pytest.param(EXT4, NFS, Sharing.POSSIBLE, id="the source may export it"),
        pytest.param(NFS, EXT4, Sharing.POSSIBLE, id="the destination may export it"),
        pytest.param(EXT4, EXT4, Sharing.NO, id="both have their own"),
        pytest.param(NFS, None, Sharing.POSSIBLE, id="the destination does not say"),
        pytest.param(None, None, Sharing.POSSIBLE, id="nobody says"),
    ],
)
def test_mounts_tell_for_plain_pools(
    given_by: object, here: Mount | None, there: Mount | None, expected: Sharing
) -> None:
    assert callable(given_by)
    unknown = Unknown("not asked")
    one, other = (replace(HERE, volumes={}, mounts={"/local": mount or unknown}) for mount in (here, there))
    assert sharing(given_by(local_disk), one, other) is expected


def test_a_file_that_the_destination_lacks_is_not_on_its_storage() -> None:
    lacks = replace(HERE, files={LOCAL: False})
    assert sharing(local_disk, HERE, lacks) is Sharing.NO
    assert sharing(by_volume(local_disk), HERE, lacks) is Sharing.NO
    has = replace(HERE, files={LOCAL: True})
    assert sharing(local_disk, HERE, has) is Sharing.POSSIBLE


@pytest.mark.parametrize("of", [disk, by_volume(disk)], ids=["path", "pool and volume"])
def test_another_name_of_the_pool_is_the_same_storage(of: Disk) -> None:
    renamed = Storage(pools=(replace(shared_pool, name="images"),))
    assert sharing(of, HERE, renamed) is Sharing.PROVEN
    assert same_pool(of, HERE, renamed) is renamed.pools[0]
    plain = Storage(pools=(replace(local_pool, name="images"),), mounts={"/local": NFS})
    here = Storage(pools=(local_pool,), mounts={"/local": NFS})
    assert sharing(by_volume(local_disk), here, plain) is Sharing.PROVEN


def test_a_plain_pool_beside_a_mounted_one_has_its_storage() -> None:
    """libvirt lists a folder's files in each pool of it, and says whichever it finds first."""
    plain = replace(shared_pool, name="plain", type="dir", source_hosts=(), source_dir="")
    for pools in ((plain, shared_pool), (shared_pool, plain)):
        both = Storage(pools=pools, volumes={SHARED: replace(volume, pool="plain")})
        assert sharing(disk, both, both) is Sharing.PROVEN
        assert sharing(replace(by_volume(disk), pool="plain"), both, both) is Sharing.PROVEN


def test_the_same_export_at_another_path_is_another_place_for_a_path() -> None:
    elsewhere = Storage(pools=(replace(shared_pool, target_path="/"),))
    assert sharing(disk, HERE, elsewhere) is Sharing.POSSIBLE
    assert sharing(by_volume(disk), HERE, elsewhere) is Sharing.PROVEN


def test_where_a_host_has_a_disk() -> None:
    assert HERE.path(disk) == SHARED
    assert HERE.path(by_volume(disk)) == SHARED
    assert Storage(pools=()).path(by_volume(disk)) == ""
    assert Storage(pools=(), volumes={"testvms/web01.qcow2": volume}).path(by_volume(disk)) == SHARED
    lvm = replace(shared_pool, type="logical", target_path="/dev/vg")
    assert Storage(pools=(lvm,)).path(by_volume(disk)) == ""


def test_folders_are_asked_about_where_pools_do_not_prove_it() -> None:
    layered = replace(disk, backing=(LOCAL, "/x/base.qcow2"))
    assert folders_to_ask((disk,), HERE, HERE) == ([], [])
    assert folders_to_ask((layered,), HERE, HERE) == (["/local", "/x"], ["/local", "/x"])
    assert folders_to_ask((replace(disk, path="/dev/vg/x", type="block"),), HERE, HERE) == ([], [])
    there = Storage(pools=(replace(local_pool, target_path="/data"),))
    assert folders_to_ask((by_volume(local_disk),), HERE, there) == (["/local"], ["/data"])
    assert folders_to_ask((by_volume(local_disk),), HERE, Storage(pools=())) == (["/local"], ["/local"])


mounts = st.sampled_from([NFS, replace(NFS, source="nas-dr:/vms"), EXT4, Mount(kind="lustre"), Unknown("not asked")])
pools = st.builds(
    lambda name, kind, path, host: replace(
        shared_pool, name=name, type=kind, target_path=path, source_hosts=(host,) if host else ()
    ),
    st.sampled_from(["testvms", "images"]),
    st.sampled_from(["dir", "netfs"]),
    st.sampled_from(["/vms", "/data"]),
    st.sampled_from(["nas", "localhost", ""]),
)
storages = st.builds(
    Storage,
    pools=st.lists(pools, max_size=2, unique_by=lambda pool: pool.name).map(tuple),
    mounts=st.fixed_dictionaries({}, optional={"/vms": mounts, "/data": mounts}),
    files=st.fixed_dictionaries({}, optional={SHARED: st.booleans(), "/data/web01.qcow2": st.booleans()}),
)


@given(here=storages, there=storages, of=st.sampled_from([disk, by_volume(disk)]))
def test_a_disk_is_either_proven_to_be_shared_or_copied(here: Storage, there: Storage, of: Disk) -> None:
    copied = disks_to_copy(replace(guest, disks=(of,)), True, here, there) == ("vda",)
    assert copied is not (sharing(of, here, there) is Sharing.PROVEN)


@given(here=storages, there=storages, names=st.permutations(["p", "q"]))
def test_names_of_pools_prove_nothing_about_a_path(here: Storage, there: Storage, names: list[str]) -> None:
    def renamed(pool: Pool) -> Pool:
        return replace(pool, name=names[["testvms", "images"].index(pool.name)])

    other = replace(there, pools=tuple(map(renamed, there.pools)))
    assert sharing(disk, here, there) is sharing(disk, here, other)
