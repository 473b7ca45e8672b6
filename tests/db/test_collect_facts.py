"""What hosts are asked before a migration; a question without an answer hides no other."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

import migrations_app.domain.preflight.catalog  # noqa: F401  registers the checks
from hosts.facts.guest import BootFiles, Disk, Nic, RunState
from hosts.facts.storage import FileContent, Mount, Qcow2, Qcow2Header
from hosts.facts.unknown import Unknown
from hosts.gateway.port import GatewayError, HostConnection, PeerProbe
from hosts.models import Host
from migrations_app.domain.kinds import Kind
from migrations_app.domain.options import Options
from migrations_app.domain.preflight.check import CHECKS, Severity
from migrations_app.domain.preflight.engine import run_one
from migrations_app.domain.preflight.facts import Facts, PeerFact
from migrations_app.domain.preflight.facts.host import NOT_ASKED
from migrations_app.domain.request import MigrationRequest
from migrations_app.worker.facts.collect import collect
from migrations_app.worker.facts.side import Side
from tests.db.moving import IMAGES, LOCAL, pool, volume
from tests.fakes.gateway import FakeFleet
from tests.fakes.guests import FakeGuest, new_guest

SHARED = f"{IMAGES}/web.qcow2"
disk = Disk(target="vda", device="disk", type="file", path=SHARED, format="qcow2")


@pytest.fixture
def fleet() -> FakeFleet:
    fleet = FakeFleet("kvm-a", "kvm-b")
    for host in fleet.hosts.values():
        host.pools = [pool("testvms", IMAGES, "netfs"), pool("default", LOCAL, "dir")]
        host.volumes = [volume(SHARED)]
    return fleet


def guest_with(fleet: FakeFleet, *disks: Disk, **changes: Any) -> FakeGuest:
    guest = fleet["kvm-a"].add(new_guest("web", **changes))
    guest.definition = replace(guest.definition, disks=disks)
    return guest


def facts_of(fleet: FakeFleet, guest: FakeGuest, **options: Any) -> Facts:
    sides = []
    for name in ("kvm-a", "kvm-b"):
        fake = fleet[name]
        host = Host(name=name, transport="tcp", address=fake.address)
        sides.append(Side(host=host, connection=fleet.connect(host.endpoint)))
    kind = Kind.LIVE_STORAGE if options else Kind.LIVE
    request = MigrationRequest(guest=guest.definition.uuid, target=2, kind=kind, options=Options(**options))
    return collect(request, *sides, probe=False)[0]


def test_addresses_are_asked_for_when_the_request_names_one(fleet: FakeFleet) -> None:
    guest = guest_with(fleet, disk)
    assert facts_of(fleet, guest).target.addresses == NOT_ASKED
    asked = facts_of(fleet, guest, migration_address="10.0.9.2").target
    assert asked.addresses not in (NOT_ASKED, None)
    assert asked.address == fleet["kvm-b"].address


def test_images_that_a_disk_builds_on_are_looked_for_on_both_hosts(fleet: FakeFleet) -> None:
    base = f"{LOCAL}/base.qcow2"
    fleet["kvm-a"].volumes.append(volume(base, "default"))
    fleet["kvm-b"].files[base] = False
    found = facts_of(fleet, guest_with(fleet, replace(disk, backing=(base,))))
    assert found.source.volumes == {SHARED: volume(SHARED), base: volume(base, "default")}
    assert found.target.volumes == {SHARED: volume(SHARED), base: None}
    assert isinstance(found.target.files, dict)
    assert found.target.files[base] is False


def test_a_place_that_cannot_be_asked_about_hides_no_other(fleet: FakeFleet) -> None:
    fleet["kvm-b"].fail("volume_at", GatewayError("stale file handle"))
    other = replace(disk, target="vdb", path=f"{IMAGES}/other.qcow2")
    found = facts_of(fleet, guest_with(fleet, disk, other)).target.volumes
    assert isinstance(found, dict)
    assert found[SHARED] == Unknown("kvm-b: stale file handle")
    assert found[other.path] is None


def test_a_volume_is_asked_for_by_name_and_its_pool_not_read_as_a_whole(fleet: FakeFleet) -> None:
    by_pool = replace(disk, type="volume", path="", pool="testvms", volume="web.qcow2")
    found = facts_of(fleet, guest_with(fleet, by_pool))
    assert found.target.volumes == {"testvms/web.qcow2": volume(SHARED)}
    assert "volumes" not in fleet.methods()


def test_file_systems_are_asked_for_only_where_no_pool_tells(fleet: FakeFleet) -> None:
    found = facts_of(fleet, guest_with(fleet, disk))
    assert (found.source.mounts, found.target.mounts) == ({}, {})
    assert "mounts" not in fleet.methods()
    fstab = replace(disk, path="/mnt/nas/web.qcow2")
    nfs = Mount(kind="nfs4", source="nas:/vms", below=".")
    for host in fleet.hosts.values():
        host.mounts["/mnt/nas"] = nfs
    found = facts_of(fleet, guest_with(fleet, fstab))
    assert (found.source.mounts, found.target.mounts) == ({"/mnt/nas": nfs}, {"/mnt/nas": nfs})


def test_a_file_system_that_a_host_cannot_tell_is_unknown(fleet: FakeFleet) -> None:
    found = facts_of(fleet, guest_with(fleet, replace(disk, path=f"{LOCAL}/web.qcow2")))
    for mounts in (found.source.mounts, found.target.mounts):
        assert isinstance(mounts, dict)
        assert isinstance(mounts[LOCAL], Unknown)


def test_the_storage_of_disks_that_may_be_copied_is_asked_about(fleet: FakeFleet) -> None:
    """Whether it is shared decides whether they are."""
    nfs = Mount(kind="nfs4", source="nas:/vms", below=".")
    for host in fleet.hosts.values():
        host.mounts[LOCAL] = nfs
    local = replace(disk, path=f"{LOCAL}/web.qcow2")
    by_pool = replace(disk, type="volume", path="", pool="default", volume="web.qcow2")
    for given in (local, by_pool):
        for wanted in (True, ("vda",)):
            found = facts_of(fleet, guest_with(fleet, given), copy_disks=wanted)
            assert (found.source.mounts, found.target.mounts) == ({LOCAL: nfs}, {LOCAL: nfs})


def test_a_volume_is_looked_for_where_the_destination_has_its_pool(fleet: FakeFleet) -> None:
    by_pool = replace(disk, type="volume", path="", pool="default", volume="web.qcow2")
    fleet["kvm-b"].pools = [pool("default", "/data", "dir")]
    fleet["kvm-b"].files["/data/web.qcow2"] = False
    found = facts_of(fleet, guest_with(fleet, by_pool), copy_disks=True)
    assert isinstance(found.target.mounts, dict)
    assert isinstance(found.target.files, dict)
    assert (list(found.target.mounts), found.target.files["/data/web.qcow2"]) == (["/data"], False)


def test_what_the_kernel_calls_available_counts_as_free(fleet: FakeFleet) -> None:
    guest = guest_with(fleet, disk)
    assert facts_of(fleet, guest).target.memory == fleet["kvm-b"].memory
    fleet["kvm-b"].available_kib = 1_000_000
    memory = facts_of(fleet, guest).target.memory
    assert memory == replace(fleet["kvm-b"].memory, free_kib=1_000_000)


def test_the_source_is_not_asked_what_only_matters_of_the_destination(fleet: FakeFleet) -> None:
    facts_of(fleet, guest_with(fleet, disk))
    only_there = {"memory", "available_memory", "interfaces"}
    assert not only_there & set(fleet.methods("kvm-a"))
    assert only_there <= set(fleet.methods("kvm-b"))


def test_block_jobs_are_unknown_when_nobody_knows_whether_it_runs(fleet: FakeFleet) -> None:
    guest = guest_with(fleet, disk)
    fleet["kvm-a"].fail("look", GatewayError("timed out"))
    assert facts_of(fleet, guest).guest.block_jobs == Unknown("kvm-a: timed out")


def test_a_guest_that_left_is_told_as_that(fleet: FakeFleet) -> None:
    guest = guest_with(fleet, disk)
    fleet["kvm-b"].guests = fleet["kvm-a"].guests
    fleet["kvm-a"].guests = {}
    found = facts_of(fleet, guest)
    assert isinstance(found.guest.definition, Unknown)
    assert not isinstance(found.guest.look, Unknown)
    assert not found.guest.look.present
    assert found.target.same_uuid is not None
    assert not isinstance(found.target.same_uuid, Unknown)


def test_whether_the_emulator_is_there_is_asked(fleet: FakeFleet) -> None:
    guest = guest_with(fleet)
    guest.definition = replace(guest.definition, emulator="/usr/bin/kvm")
    fleet["kvm-b"].files["/usr/bin/kvm"] = True
    assert facts_of(fleet, guest).target.files == {"/usr/bin/kvm": True}


def test_a_kvm_guest_whose_cpu_is_not_said(fleet: FakeFleet) -> None:
    guest = guest_with(fleet)
    guest.definition = replace(guest.definition, virt_type="kvm")
    cpu = facts_of(fleet, guest).target.cpu
    assert isinstance(cpu, Unknown)
    assert "does not say which CPU" in cpu.reason


def test_the_saved_definition_is_read_and_asked_about(fleet: FakeFleet) -> None:
    guest = guest_with(fleet, disk)
    other = replace(disk, target="vdb", path=f"{LOCAL}/data.qcow2", backing=())
    lab = Nic(type="network", source="lab-only", mac="52:54:00:00:00:09")
    guest.saved = replace(guest.definition, disks=(disk, other), nics=(*guest.definition.nics, lab))
    fleet["kvm-b"].files[other.path] = False
    found = facts_of(fleet, guest)
    assert isinstance(found.target.volumes, dict)
    assert isinstance(found.source.volumes, dict)
    assert isinstance(found.target.files, dict)
    assert found.saved
    assert found.saved.definition == guest.saved
    assert {SHARED, other.path} <= found.target.volumes.keys() & found.source.volumes.keys()
    assert found.target.files[other.path] is False
    judged = run_one(CHECKS["saved_definition"], found)
    assert {one.severity for one in judged} == {Severity.WARNING}
    fatal = [one for one in judged if "will not start on kvm-b with its saved definition" in one.summary]
    assert {one.affects for one in fatal} == {"network lab-only", "disk vdb"}


def test_what_is_the_same_of_the_saved_definition_is_not_asked_again(fleet: FakeFleet) -> None:
    guest = guest_with(fleet, disk)
    facts_of(fleet, guest)
    asked = fleet.methods("kvm-b")
    assert (asked.count("domain_capabilities"), asked.count("volume_at")) == (1, 1)
    guest.saved = replace(guest.definition, machine="pc-q35-6.2")
    assert facts_of(fleet, guest).saved is not None
    assert fleet.methods("kvm-b").count("domain_capabilities") == 3


def test_a_guest_with_one_definition_has_no_saved_one(fleet: FakeFleet) -> None:
    for changes in ({"persistent": False}, {"state": RunState.SHUTOFF}):
        assert facts_of(fleet, guest_with(fleet, disk, **changes)).saved is None
        fleet["kvm-a"].guests.clear()


def test_a_host_that_gives_no_definition_is_not_green(fleet: FakeFleet) -> None:
    guest = guest_with(fleet, disk)
    fleet["kvm-a"].fail("guest_details", GatewayError("timed out"))
    (finding,) = run_one(CHECKS["saved_definition"], facts_of(fleet, guest))
    assert finding.severity is Severity.UNKNOWN


def test_the_sizes_of_firmware_are_asked_of_both_hosts(fleet: FakeFleet) -> None:
    guest = guest_with(fleet, disk)
    facts_of(fleet, guest)
    assert "file_sizes" not in fleet.methods()
    guest.definition = replace(guest.definition, boot=BootFiles(loader="/fw/code.fd", nvram="/fw/vars.fd"))
    found = facts_of(fleet, guest)
    assert isinstance(found.source.firmware, Unknown)
    assert found.source.firmware.remedy == "Register kvm-a by ssh."
    fleet["kvm-a"].written["file_sizes"] = "1966080\n00\n131072\n00\n"
    fleet["kvm-b"].written["file_sizes"] = "none\n\n-\n\n"
    found = facts_of(fleet, guest)
    assert found.source.firmware == {"/fw/code.fd": 1_966_080, "/fw/vars.fd": 131_072}
    assert isinstance(found.target.firmware, dict)
    assert found.target.firmware["/fw/code.fd"] is None
    assert isinstance(found.target.firmware["/fw/vars.fd"], Unknown)


def test_headers_of_images_are_read_only_where_disks_are_copied(fleet: FakeFleet) -> None:
    by_pool = Disk(target="vdb", device="disk", type="volume", pool="default", volume="b.qcow2", format="qcow2")
    raw, empty = (replace(disk, target=name, format=format) for name, format in (("vdc", "raw"), ("vdd", "qcow2")))
    guest = guest_with(fleet, disk, by_pool, raw, replace(empty, path=""))
    facts_of(fleet, guest)
    assert "qcow2_headers" not in fleet.methods()
    over_tcp = facts_of(fleet, guest, copy_disks=True).source.qcow2_headers
    assert isinstance(over_tcp, Unknown)
    assert over_tcp.remedy == "Register kvm-a by ssh."
    fleet["kvm-a"].written["qcow2_headers"] = f"514649fb00000002{'00' * 12}00000010{'00' * 60}\n\n"
    found = facts_of(fleet, guest, copy_disks=True).source.qcow2_headers
    assert not isinstance(found, Unknown)
    assert list(found) == [SHARED, f"{LOCAL}/b.qcow2"]
    assert found[SHARED] == Qcow2Header(made=Qcow2(compat="0.10"))
    assert isinstance(found[f"{LOCAL}/b.qcow2"], Unknown)


def test_cds_and_floppies_that_pools_do_not_prove_to_be_shared_are_read_on_both_hosts(fleet: FakeFleet) -> None:
    own = Disk(target="sda", device="cdrom", type="volume", pool="default", volume="a.iso", readonly=True)
    shared = replace(disk, target="sdb", device="cdrom", path=f"{IMAGES}/b.iso")
    drive, empty = replace(shared, target="sdc", type="block", path="/dev/sr0"), replace(shared, target="sdd", path="")
    guest = guest_with(fleet, disk, shared, drive, empty)
    facts_of(fleet, guest)
    assert "media_contents" not in fleet.methods()
    guest = guest_with(fleet, disk, own, shared, drive, empty)
    over_tcp = facts_of(fleet, guest)
    assert isinstance(over_tcp.source.media, Unknown)
    fleet["kvm-b"].pools[1] = replace(fleet["kvm-b"].pools[1], target_path="/iso")
    for name, line in (("kvm-a", f"7 {'a' * 64}  -"), ("kvm-b", "-")):
        fleet[name].written["media_contents"] = f"{line}\n"
    found = facts_of(fleet, guest)
    assert found.source.media == {f"{LOCAL}/a.iso": FileContent(size=7, digest="a" * 64)}
    assert not isinstance(found.target.media, Unknown)
    assert isinstance(found.target.media["/iso/a.iso"], Unknown)


@pytest.mark.parametrize("opened", [True, False])
def test_whether_the_hosts_reach_each_other_is_asked_beside_the_rest(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch, opened: bool
) -> None:
    """With ssh it costs the source's libvirtd a login: by the connection that waits for the migration anyway."""
    guest = guest_with(fleet, disk)
    sides = []
    for name in ("kvm-a", "kvm-b"):
        host = Host(name=name, transport="tcp", address=fleet[name].address)
        sides.append(Side(host=host, connection=fleet.connect(host.endpoint)))
    other = fleet.connect(sides[0].host.endpoint)
    aside: Future[HostConnection] = Future()
    if opened:
        aside.set_result(other)
    else:
        aside.set_exception(GatewayError("refused"))
    asked: list[object] = []
    before: list[str] = []
    probe_peer = type(other).probe_peer

    def recorded(connection: Any, *args: Any, **values: Any) -> PeerProbe:
        asked.append(connection)
        before.extend(call.method for call in fleet.calls if call.host == "kvm-a")
        return probe_peer(connection, *args, **values)

    monkeypatch.setattr(type(other), "probe_peer", recorded)
    request = MigrationRequest(guest=guest.definition.uuid, target=2, kind=Kind.LIVE, options=Options())
    facts, _ = collect(request, *sides, probe=True, aside=aside)
    assert isinstance(facts.peer, PeerFact)
    assert facts.peer.reached
    assert asked == [other if opened else sides[0].connection]
    assert "look" in before, "libvirt would report the job that the question is for a moment"
    after = [call.method for call in fleet.calls if call.host == "kvm-a"][len(before) :]
    assert "look" not in after
