"""The gateway migrates real guests, aborts, probes, and passes on libvirt's reasons."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from hosts.calls.move import PeerHelper
from hosts.calls.steer import LimitBandwidth, LimitDowntime
from hosts.facts.endpoint import PeerEndpoint, Transport
from hosts.facts.guest import JobKind, RunState
from hosts.facts.storage import VolumeSpec
from hosts.gateway.port import (
    Aborted,
    PeerResult,
    Refused,
)
from lab import Host, Lab
from tests.lab.doors import Moving, Open, eventually, opener, own_key, uuid_of

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module", autouse=True)
def ssh_key(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with own_key(lab, tmp_path_factory.mktemp("gateway data")):
        yield


@pytest.fixture
def a(lab: Lab) -> Host:
    return lab.hosts["kvm-a"]


@pytest.fixture
def b(lab: Lab) -> Host:
    return lab.hosts["kvm-b"]


@pytest.fixture
def opened() -> Iterator[Open]:
    with opener() as connect:
        yield connect


def test_a_move_and_what_is_seen_of_it(a: Host, b: Host, opened: Open) -> None:
    moving = Moving(opened, a, b, "db-01")
    incoming = slowest = 0.0
    seen: set[tuple[str, ...]] = set()
    passes: list[float] = []
    moving.source.passes.listen(moving.uuid, lambda: passes.append(time.monotonic()))
    while not moving.over():
        started = time.monotonic()
        here, there = moving.source.look(moving.uuid), moving.target.look(moving.uuid)
        slowest = max(slowest, time.monotonic() - started)
        assert here.answered
        assert there.answered
        seen.add((here.state, here.job, there.reason, there.job))
        if there.job is JobKind.MIGRATION_IN and there.state is RunState.PAUSED and not incoming:
            started = time.monotonic()
            with pytest.raises(Refused):
                moving.target.guest_details(moving.uuid)
            assert len(moving.target.guests()) > 0
            incoming = time.monotonic() - started
        time.sleep(0.02)
    assert moving.error is None
    assert (RunState.RUNNING, JobKind.MIGRATION_OUT, "migration", JobKind.MIGRATION_IN) in seen
    assert 0 < incoming < 2
    assert len(passes) > 1
    assert slowest < 3
    assert not moving.source.look(moving.uuid).present
    arrived = moving.target.look(moving.uuid)
    assert (arrived.runs, arrived.reason, arrived.persistent, arrived.job) == (True, "migrated", True, JobKind.NONE)
    finished = moving.target.finished_job(moving.uuid)
    assert finished is not None
    assert finished == moving.target.finished_job(moving.uuid)  # reading keeps it
    assert finished.downtime_ms is not None
    assert finished.memory_total
    back = Moving(opened, b, a, "db-01", peer=PeerEndpoint(transport=Transport.SSH, address="kvm-a", user="root"))
    back.end()
    assert back.error is None
    assert back.target.look(back.uuid).runs


def test_abort(lab: Lab, a: Host, b: Host, opened: Open) -> None:
    lab.shape(20)
    try:
        moving = Moving(opened, a, b, "db-01")
        eventually(moving.copying, 20)
        numbers = moving.source.job(moving.uuid)
        assert numbers is not None
        assert numbers.kind is JobKind.MIGRATION_OUT
        assert numbers.memory_total
        for limit in (LimitBandwidth(100), LimitDowntime(400)):
            moving.source.set_limit(moving.uuid, limit)
        limits = moving.source.limits(moving.uuid)
        assert (limits.bandwidth_mib, limits.max_downtime_ms) == (100, 400)
        moving.source.abort(moving.uuid)
        moving.end()
    finally:
        lab.shape(None)
    # libvirt says so (78) or trips over the closed stream (9): that it was aborted is known to who did it
    assert isinstance(moving.error, Aborted) or (moving.error and moving.error.code == 9)
    assert moving.source.look(moving.uuid).runs
    assert moving.source.job(moving.uuid) is None
    eventually(lambda: not moving.target.look(moving.uuid).present)


def test_disks_are_copied_into_a_volume_of_ours(a: Host, b: Host, opened: Open) -> None:
    source, target = opened(a), opened(b)
    uuid = uuid_of(a, "build-01")
    (disk,) = source.guest_details(uuid).definition.disks
    name = disk.path.rpartition("/")[2]
    size = source.disks.virtual_size(uuid, disk.target)
    target.create_volume(VolumeSpec(pool="local", name=name, format=disk.format, capacity=size))
    moving = Moving(opened, a, b, "build-01", copy_disks=(disk.target,))
    moving.end()
    assert moving.error is None
    assert moving.target.look(uuid).runs
    finished = moving.target.finished_job(uuid)
    assert finished is not None


def test_libvirts_reasons_come_through(a: Host, b: Host, opened: Open) -> None:
    off = Moving(opened, a, b, "old-01")
    off.end()
    assert isinstance(off.error, Refused)
    assert off.error.code == 55
    local = Moving(opened, b, a, "build-01") if "build-01" in b.domains().values() else Moving(opened, a, b, "build-01")
    local.end()
    assert isinstance(local.error, Refused)
    assert local.error.code == 81
    b.exec("ip", "link", "set", "br1", "name", "br9")
    try:
        peer = PeerEndpoint(transport=Transport.SSH, address="kvm-b", user="root")
        for _ in range(3):
            broken = Moving(opened, a, b, "web-01", peer=peer, helper=PeerHelper.NETCAT)
            broken.end()
            assert broken.error is not None
            assert "br1" in broken.error.message
            assert broken.source.look(broken.uuid).runs
            assert broken.mover.alive()
    finally:
        b.exec("ip", "link", "set", "br9", "name", "br1")


def test_peer_probe(lab: Lab, a: Host, b: Host, opened: Open) -> None:
    connection = opened(a)
    before = (a.domains(), b.domains(), a.listening_ports(), b.listening_ports())
    for name in ("web-01", "old-01"):
        uuid = uuid_of(a, name)
        for _ in range(3):
            for peer in (
                PeerEndpoint(transport=Transport.TCP, address=b.address),
                PeerEndpoint(transport=Transport.SSH, address="kvm-b", user="root"),
            ):
                probe = connection.probe_peer(uuid, peer, deadline=10)
                assert (probe.result, probe.message) == (PeerResult.REACHED, "")
        for peer, word in (
            (PeerEndpoint(transport=Transport.TCP, address="no-such.invalid"), "no-such.invalid"),
            (PeerEndpoint(transport=Transport.SSH, address="kvm-b", user="nobody"), "Permission denied"),
        ):
            probe = connection.probe_peer(uuid, peer, deadline=10)
            assert probe.result is PeerResult.FAILED
            assert word in probe.message
        assert connection.look(uuid).job is JobKind.NONE
    assert before == (a.domains(), b.domains(), a.listening_ports(), b.listening_ports())


def test_a_probe_that_the_guest_itself_forbids_is_unknown(a: Host, b: Host, opened: Open) -> None:
    connection = opened(a)
    a.virsh("snapshot-create-as", "old-01", "s1")
    try:
        uuid = uuid_of(a, "old-01")
        assert connection.guest_details(uuid).snapshots == 1
        probe = connection.probe_peer(uuid, PeerEndpoint(transport=Transport.TCP, address=b.address), deadline=10)
        assert probe.result is PeerResult.UNKNOWN
        assert "snapshot" in probe.message
    finally:
        a.virsh("snapshot-delete", "old-01", "s1")
