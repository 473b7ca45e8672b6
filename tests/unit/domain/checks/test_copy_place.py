from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.storage import Mount
from migrations_app.domain.disks import MAYBE_OWN_DISK, OWN_DISK
from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import Severity, Verdict
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import (
    FAST,
    HEALTHY,
    LOCAL,
    SHARED,
    SILENT,
    changed,
    disk,
    facts,
    local_disk,
    local_pool,
    local_volume,
    only,
    run,
    stays,
    with_guest,
    with_options,
    with_target,
)

EXT4 = Mount(kind="ext4", source="/dev/sda1", below="local")
NFS = Mount(kind="nfs4", source="nas:/vms", below=".")
#: nobody can say what the folders lie on
UNSEEN = with_options(with_guest(disks=(disk, local_disk)), copy_disks=("vdb",))


def mounted(given: Facts, here: Mount, there: Mount) -> Facts:
    return changed(given, source_mounts={"/local": here}, target_mounts={"/local": there})


COPY = mounted(UNSEEN, EXT4, EXT4)


def test_passes_when_nothing_is_copied() -> None:
    assert run("copy_place", with_target(pools=())) == ()


def test_passes_with_a_pool_at_the_folder() -> None:
    assert run("copy_place", COPY) == ()
    assert run("copy_place", with_target(COPY, pools=(replace(local_pool, target_path="/local/"),))) == ()


def test_no_pool_blocks() -> None:
    finding = only("copy_place", with_target(COPY, pools=()), Severity.BLOCKER)
    assert finding.summary == "kvm-b has no pool with the path /local, which the copy of disk vdb needs."


def test_an_inactive_pool_blocks() -> None:
    off = replace(local_pool, active=False)
    finding = only("copy_place", with_target(COPY, pools=(off,)), Severity.BLOCKER)
    assert finding.remedies[0].command == "virsh pool-start local"


def test_a_volume_of_that_name_blocks() -> None:
    given = changed(COPY, target_volumes={SHARED: None, LOCAL: local_volume})
    finding = only("copy_place", given, Severity.BLOCKER)
    assert finding.summary.endswith("would overwrite. It may be another VM's disk.")
    assert [fix.text for fix in finding.remedies] == ["Choose another place for the copy."]


def test_a_rollback_copy_of_that_name_blocks_and_says_what_it_is() -> None:
    given = changed(COPY, target_volumes={SHARED: None, LOCAL: local_volume})
    given = replace(given, rollback_copies=frozenset((LOCAL,)))
    finding = only("copy_place", given, Severity.BLOCKER)
    assert finding.summary.endswith("would overwrite. It is the rollback copy of an earlier migration.")
    assert finding.remedies[0].text.startswith("Delete the rollback copy on kvm-b (page Rollback copies)")


def test_copying_a_shared_disk_onto_itself_blocks() -> None:
    finding = only("copy_place", with_options(HEALTHY, copy_disks=("vda",)), Severity.BLOCKER)
    assert finding.summary == (
        "kvm-a and kvm-b share the storage of disk vda; the copy would overwrite it."
        " This is the VM's own disk. Do not delete it."
    )


def test_a_file_that_no_pool_shows_blocks_too() -> None:
    given = changed(COPY, target_files={LOCAL: True})
    assert "the copy of disk vdb would overwrite" in only("copy_place", given, Severity.BLOCKER).summary


def test_below_the_folder_of_a_pool_is_no_place() -> None:
    below = replace(local_disk, path="/local/below/data.qcow2")
    given = with_options(with_guest(disks=(below,)), copy_disks=("vdb",))
    given = changed(given, target_files={below.path: False})
    assert "no pool with the path /local/below" in only("copy_place", given, Severity.BLOCKER).summary


BY_POOL = replace(local_disk, type="volume", path="", pool="local", volume="data.qcow2")
COPY_BY_POOL = mounted(with_options(with_guest(disks=(BY_POOL,)), copy_disks=("vdb",)), EXT4, EXT4)


@pytest.mark.parametrize("of", [local_disk, BY_POOL], ids=["path", "pool and volume"])
def test_a_plain_pool_on_a_mount_that_both_hosts_have_holds_the_disk_itself(of: object) -> None:
    """The file on the destination host is the running VM's: no remedy may touch it."""
    listed = {LOCAL: local_volume, "local/data.qcow2": local_volume}
    given = mounted(changed(with_guest(disks=(of,)), source_volumes=listed, target_volumes=listed), NFS, NFS)
    assert run("copy_place", with_options(given, copy_disks=True)) == ()
    everything = run_all(with_options(given, copy_disks=True))
    assert (everything.copied, everything.verdict) == ((), Verdict.OK)
    finding = only("copy_place", with_options(given, copy_disks=("vdb",)), Severity.BLOCKER)
    assert OWN_DISK in finding.summary
    assert [fix.command for fix in finding.remedies] == [""]


@pytest.mark.parametrize("of", [local_disk, BY_POOL], ids=["path", "pool and volume"])
@pytest.mark.parametrize("there", [{"target_files": {LOCAL: True}}, {"target_volumes": {LOCAL: local_volume}}])
def test_a_file_of_which_nobody_knows_whose_it_is_may_be_the_disk_itself(of: object, there: dict[str, object]) -> None:
    if "target_volumes" in there:
        there = {"target_volumes": {LOCAL: local_volume, "local/data.qcow2": local_volume}}
    given = with_options(changed(with_guest(disks=(of,)), **there), copy_disks=True)
    finding = only("copy_place", given, Severity.BLOCKER)
    assert finding.summary.endswith(f"share the storage of disk vdb. {MAYBE_OWN_DISK}")
    assert not any(fix.command for fix in finding.remedies)
    assert "kvmweb did not see the file systems of kvm-a and kvm-b." in finding.remedies[-1].text
    exported = mounted(given, EXT4, NFS)
    assert MAYBE_OWN_DISK in only("copy_place", exported, Severity.BLOCKER).summary


def test_a_copy_where_nobody_knows_what_is_there_is_never_green() -> None:
    finding = only("copy_place", UNSEEN, Severity.UNKNOWN)
    assert finding.summary.startswith("kvmweb cannot tell whether kvm-a and kvm-b share the storage of disk vdb.")
    assert MAYBE_OWN_DISK in finding.summary
    assert run("copy_place", changed(UNSEEN, target_files={LOCAL: False})) == ()


def test_a_disk_given_by_pool_and_volume_needs_the_pool_of_that_name() -> None:
    given = changed(COPY_BY_POOL, source_volumes={"local/data.qcow2": local_volume})
    assert run("copy_place", given) == ()
    other = with_target(given, pools=(replace(local_pool, name="other"),))
    assert "no pool named local" in only("copy_place", other, Severity.BLOCKER).summary
    taken = changed(given, target_volumes={"local/data.qcow2": local_volume})
    only("copy_place", taken, Severity.BLOCKER)


def test_unknown_blocks() -> None:
    only("copy_place", with_options(facts(target_volumes=SILENT), copy_disks=True), Severity.BLOCKER)
    only("copy_place", changed(COPY, target_volumes={LOCAL: SILENT}), Severity.BLOCKER)


def test_another_pool_of_the_same_host() -> None:
    assert run("copy_place", stays()) == ()


def test_the_place_where_it_is_blocks() -> None:
    for here in ({"pool": "testvms"}, {"name": "web01.qcow2"}, {"format": "raw"}):
        finding = only("copy_place", stays(disks={"vda": here}), Severity.BLOCKER)
        assert finding.summary == "Disk vda is already at /vms/web01.qcow2."


def test_another_file_at_the_new_place_blocks() -> None:
    finding = only("copy_place", stays(target_files={FAST: True}), Severity.BLOCKER)
    assert finding.summary.startswith("kvm-a already has /fast/web01.qcow2")
    listed = replace(stays(target_files={FAST: True}), rollback_copies=frozenset({FAST}))
    assert "rollback copy" in only("copy_place", listed, Severity.BLOCKER).summary


def test_a_pool_that_the_host_does_not_have_blocks() -> None:
    finding = only(
        "copy_place",
        stays(disks={"vda": {"pool": "nowhere"}}, target_volumes={SHARED: None, "nowhere/web01.qcow2": None}),
        Severity.BLOCKER,
    )
    assert finding.summary.startswith("kvm-a has no pool named nowhere")
