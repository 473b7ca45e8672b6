from __future__ import annotations

from dataclasses import replace

from hosts.facts.storage import Mount
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import (
    HEALTHY,
    LOCAL,
    SHARED,
    SILENT,
    UUID,
    changed,
    disk,
    facts,
    local_disk,
    local_pool,
    only,
    run,
    shared_pool,
    volume,
    with_guest,
    with_options,
    with_source,
    with_target,
)

NFS = Mount(kind="nfs4", source="nas:/vms", below=".")
ABSENT = facts(target_volumes={SHARED: None})


def test_passes_when_the_destination_has_every_disk() -> None:
    assert run("disks_reachable", HEALTHY) == ()


def test_passes_for_empty_drives_and_network_disks() -> None:
    empty = replace(disk, device="cdrom", type="", path="")
    rbd = replace(disk, type="network", path="", network_name="rbd:pool/web01")
    assert run("disks_reachable", with_guest(disks=(empty, rbd))) == ()


def test_passes_for_a_copied_disk_that_is_not_there() -> None:
    given = with_options(with_guest(disks=(disk, local_disk)), copy_disks=("vdb",))
    assert run("disks_reachable", given) == ()


def test_passes_when_somebody_saw_the_file_without_a_pool() -> None:
    given = with_target(facts(target_volumes={}, target_files={SHARED: True}), pools=())
    assert run("disks_reachable", given) == ()


def test_passes_when_a_shared_pool_was_not_read_again_since_the_disk_was_made() -> None:
    assert run("disks_reachable", ABSENT) == ()


def test_what_the_file_system_says_is_newer_than_a_pool() -> None:
    finding = only("disks_reachable", facts(target_files={SHARED: False}), Severity.BLOCKER)
    assert finding.summary == f"Disk vda of web01: kvm-b does not have {SHARED}."


def test_below_the_folder_of_a_shared_pool() -> None:
    below = replace(disk, path="/vms/customers/web01.qcow2")
    assert run("disks_reachable", with_guest(disks=(below,))) == ()
    off = with_target(with_guest(disks=(below,)), pools=(replace(shared_pool, active=False),))
    only("disks_reachable", off, Severity.BLOCKER)


def test_another_server_is_no_proof_that_the_disk_is_there() -> None:
    given = with_target(ABSENT, pools=(replace(shared_pool, source_hosts=("nas-dr",)),))
    assert "does not list" in only("disks_reachable", given, Severity.BLOCKER).summary


def test_one_disk_that_could_not_be_asked_for_hides_no_other() -> None:
    given = with_guest(facts(target_volumes={SHARED: SILENT, LOCAL: None}), disks=(disk, local_disk))
    given = with_target(given, pools=(local_pool,))
    given = with_source(given, pools=(local_pool,))
    first, second = run("disks_reachable", given)
    assert (first.affects, first.severity, first.remedies[0].text) == ("disk vda", Severity.BLOCKER, SILENT.remedy)
    assert SILENT.reason in first.summary
    assert second.affects == "disk vdb"


def test_an_optional_hard_disk_must_be_there() -> None:
    optional = replace(local_disk, startup_policy="optional")
    only("disks_reachable", with_guest(disks=(optional,)), Severity.BLOCKER)


def test_places_that_nobody_can_look_at_are_for_another_check() -> None:
    assert run("disks_reachable", with_guest(disks=(replace(disk, type="nvme", path=""),))) == ()


def test_a_local_disk_that_is_not_there_blocks() -> None:
    finding = only("disks_reachable", with_guest(disks=(disk, local_disk)), Severity.BLOCKER)
    assert finding.affects == "disk vdb"
    assert finding.evidence["path"] == LOCAL
    assert finding.remedies[0].command == "virsh pool-refresh local"
    assert "Or copy disk vdb: choose Live with storage." in finding.remedies[1].text


def test_an_inactive_pool_blocks_with_the_command_to_start_it() -> None:
    off = replace(shared_pool, name="test vms", active=False)
    finding = only("disks_reachable", with_target(ABSENT, pools=(off,)), Severity.BLOCKER)
    assert finding.summary == "Disk vda of web01: pool test vms on kvm-b is not active."
    assert finding.remedies[0].command == "virsh pool-start 'test vms'"
    assert finding.remedies[0].on == "kvm-b"


def test_a_missing_pool_blocks_and_is_named() -> None:
    finding = only("disks_reachable", with_target(ABSENT, pools=(local_pool,)), Severity.BLOCKER)
    assert finding.summary == "Disk vda of web01: kvm-b has no pool testvms with the path /vms."
    assert finding.remedies[0].command == "virsh pool-dumpxml testvms"
    assert finding.remedies[0].on == "kvm-a"


def test_a_disk_given_by_pool_and_volume() -> None:
    by_pool = replace(disk, type="volume", path="", pool="testvms", volume="web01.qcow2")
    given = with_guest(facts(target_volumes={"testvms/web01.qcow2": volume}), disks=(by_pool,))
    assert run("disks_reachable", given) == ()
    given = with_target(with_guest(facts(target_volumes={}), disks=(by_pool,)), pools=())
    assert "no pool testvms" in only("disks_reachable", given, Severity.BLOCKER).summary


def test_a_volume_whose_pool_has_another_name_there_is_said_to_be_just_that() -> None:
    by_pool = replace(disk, type="volume", path="", pool="testvms", volume="web01.qcow2")
    renamed = with_target(with_guest(disks=(by_pool,)), pools=(replace(shared_pool, name="images"),))
    plain = with_guest(renamed, disks=(replace(by_pool, pool="local", volume="data.qcow2"),))
    plain = changed(
        with_target(plain, pools=(replace(local_pool, name="images"),)),
        source_mounts={"/local": NFS}, target_mounts={"/local": NFS},
    )  # fmt: skip
    for given, name in ((renamed, "testvms"), (plain, "local")):
        finding = only("disks_reachable", given, Severity.BLOCKER)
        assert finding.summary == (
            f"Disk {finding.affects[5:]} of web01: kvm-b has it in pool images, but libvirt looks for a pool"
            f" named {name}. This is the VM's own disk. Do not delete it."
        )
        assert not any("copy it" in fix.text for fix in finding.remedies)


def test_a_volume_is_not_there_while_its_pool_is_off() -> None:
    by_pool = replace(disk, type="volume", path="", pool="testvms", volume="web01.qcow2")
    off = with_target(with_guest(disks=(by_pool,)), pools=(replace(shared_pool, active=False),))
    given = changed(off, target_files={SHARED: True})
    assert "is not active" in only("disks_reachable", given, Severity.BLOCKER).summary


def test_a_volume_that_its_pool_does_not_list_is_not_found_by_libvirt() -> None:
    by_pool = replace(disk, type="volume", path="", pool="testvms", volume="web01.qcow2")
    unlisted = with_guest(facts(target_volumes={}, target_files={SHARED: True}), disks=(by_pool,))
    finding = only("disks_reachable", unlisted, Severity.BLOCKER)
    assert finding.summary.endswith("pool testvms on kvm-b does not list testvms/web01.qcow2.")
    assert [fix.command for fix in finding.remedies] == ["virsh pool-refresh testvms"]


def test_a_path_in_no_pool_blocks_because_nobody_can_see_it() -> None:
    given = with_source(with_target(facts(source_volumes={}, target_volumes={}), pools=()), pools=())
    assert "kvmweb cannot tell whether" in only("disks_reachable", given, Severity.BLOCKER).summary
    seen_missing = changed(given, target_files={SHARED: False})
    assert f"kvm-b does not have {SHARED}" in only("disks_reachable", seen_missing, Severity.BLOCKER).summary


def test_a_cd_that_is_not_there_blocks_and_can_be_ejected() -> None:
    cd = replace(disk, target="sda", device="cdrom", path="/vms/install.iso", readonly=True, format="raw")
    finding = only("disks_reachable", with_guest(disks=(cd,)), Severity.BLOCKER)
    assert finding.remedies[1].option == "eject"
    assert finding.remedies[2].command == f"virsh change-media --eject --live {UUID} sda"


def test_an_optional_cd_is_for_another_check() -> None:
    cd = replace(disk, device="cdrom", path="/vms/install.iso", startup_policy="optional")
    assert run("disks_reachable", with_guest(disks=(cd,))) == ()


def test_unknown_blocks() -> None:
    only("disks_reachable", facts(target_volumes=SILENT), Severity.BLOCKER)
    only("disks_reachable", with_target(pools=SILENT), Severity.BLOCKER)
