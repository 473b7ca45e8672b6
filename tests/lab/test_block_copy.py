"""The gateway copies disks of a running guest to another pool of the same host, switches over, stops, and saves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hosts.facts.disk_copy import BlockJob, GuestDisks
from hosts.facts.guest import RunState
from hosts.facts.storage import DiskPlace, Part, VolumeSpec
from hosts.gateway.port import Aborted, GatewayError, HostConnection, Refused
from lab import Host, Lab
from lab.guests import POOLS
from tests.lab.doors import Open, eventually, opener, own_key, uuid_of

pytestmark = pytest.mark.lab

OLD = f"{POOLS['local']}/build-01.qcow2"


@pytest.fixture
def a(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with own_key(lab, tmp_path_factory.mktemp("gateway data")):
        yield lab.hosts["kvm-a"]


@pytest.fixture
def opened() -> Iterator[Open]:
    with opener() as connect:
        yield connect


class Copying:
    """A volume in the pool fast, and build-01's disk on its way there."""

    def __init__(self, connection: HostConnection, host: Host, name: str, format: str) -> None:
        self.disks = connection.disks
        self.uuid = uuid_of(host, "build-01")
        size = self.disks.virtual_size(self.uuid, "vda")
        volume = connection.create_volume(VolumeSpec(pool="fast", name=name, format=format, capacity=size))
        self.place = DiskPlace(path=volume.path, pool="fast", volume=name, format=format)

    def look(self) -> GuestDisks:
        return self.disks.look(self.uuid, ["vda"])

    def paths(self) -> tuple[str, str]:
        """In the running and in the saved definition."""
        seen = self.look()
        assert seen.saved is not None
        saved = seen.saved.disk("vda")
        live = seen.live.disk("vda") if seen.live else None
        return (live.path if live else ""), (saved.path if saved else "")

    def job(self) -> BlockJob | None:
        return self.look().jobs.get("vda")

    def ready(self) -> bool:
        job = self.job()
        return job is not None and job.ready


@pytest.mark.parametrize(("format", "sync_writes"), [("qcow2", False), ("raw", True)])
def test_a_disk_is_copied_switched_over_and_saved(a: Host, opened: Open, format: str, sync_writes: bool) -> None:
    copying = Copying(opened(a), a, f"other.{format}", format)
    before = copying.look()
    assert (before.state.active, before.jobs) == (True, {})
    copying.disks.copy(copying.uuid, "vda", copying.place, sync_writes=sync_writes)
    job = copying.job()
    assert job is not None
    assert job.to == copying.place.path
    eventually(copying.ready, 60)
    assert copying.paths() == (OLD, OLD)
    copying.disks.switch(copying.uuid, "vda")
    assert copying.job() is None
    assert copying.paths()[0] == copying.place.path
    copying.disks.save(copying.uuid, "vda", copying.place, off=False)
    assert copying.paths() == (copying.place.path, copying.place.path)
    after = copying.look()
    assert after.run == before.run
    assert after.saved is not None
    saved = after.saved.disk("vda")
    assert saved is not None
    assert saved.format == format
    a.virsh("destroy", "build-01")
    off = copying.look()
    assert (off.state, off.run, off.live) == (RunState.SHUTOFF, -1, None)
    a.virsh("start", "build-01")
    assert copying.paths() == (copying.place.path, copying.place.path)


def test_a_copy_that_is_stopped_leaves_the_disk(a: Host, opened: Open) -> None:
    copying = Copying(opened(a), a, "other.qcow2", "qcow2")
    copying.disks.copy(copying.uuid, "vda", copying.place, bandwidth=1024**2)
    with pytest.raises(GatewayError):
        copying.disks.switch(copying.uuid, "vda")  # not ready yet
    copying.disks.stop(copying.uuid, "vda")
    assert copying.job() is None
    assert copying.paths() == (OLD, OLD)


def test_the_place_of_a_guest_that_is_to_be_off_is_not_saved_while_it_runs(a: Host, opened: Open) -> None:
    copying = Copying(opened(a), a, "other.qcow2", "qcow2")
    with pytest.raises(Refused):
        copying.disks.save(copying.uuid, "vda", copying.place, off=True)
    assert copying.paths() == (OLD, OLD)
    a.virsh("destroy", "build-01")
    copying.disks.save(copying.uuid, "vda", copying.place, off=True)
    assert copying.paths() == ("", copying.place.path)


@pytest.mark.parametrize("format", ["qcow2", "raw"])
def test_the_content_of_a_volume_is_copied_as_it_is(a: Host, opened: Open, format: str) -> None:
    old, size = f"{POOLS['local']}/filled.{format}", 64 * 1024**2
    a.exec("qemu-img", "create", "-q", "-f", format, old, str(size))
    for at in ("0", "5M", "5242880", "40M"):  # data, holes between, and a hole at the end
        a.exec("qemu-io", "-f", format, "-c", f"write -P 7 {at} 70000", old)
    a.virsh("pool-refresh", "local")
    connection = opened(a)
    new = connection.create_volume(VolumeSpec(pool="fast", name=f"filled.{format}", format=format, capacity=size))
    source = DiskPlace(path=old, pool="local", volume=f"filled.{format}", format=format)
    target = DiskPlace(path=new.path, pool="fast", volume=f"filled.{format}", format=format)
    told: list[tuple[int, int]] = []
    digest = connection.disks.copy_content(source, target, lambda read, sent: told.append((read, sent)) is None)
    whole = int(a.exec("stat", "-c", "%s", old))
    assert sum(read for read, _ in told) == connection.disks.file_size(source) == whole
    if format == "raw":  # holes are not transferred
        assert sum(sent for _, sent in told) < 1024**2
    assert digest == connection.disks.checksum(target, lambda read, sent: True)
    assert {a.exec("sha256sum", path).split()[0] for path in (old, new.path)} == {digest}
    if format == "raw":
        assert int(a.exec("stat", "-c", "%b", new.path)) * 512 < 8 * 1024**2
    with pytest.raises(Aborted):
        connection.disks.checksum(target, lambda read, sent: False)
    assert connection.alive()


def test_parts_of_a_volume_are_copied_to_another_host(a: Host, lab: Lab, opened: Open) -> None:
    b, name, size, mib = lab.hosts["kvm-b"], "streamed.raw", 64 * 1024**2, 1024**2
    old = f"{POOLS['local']}/{name}"
    a.exec("truncate", "-s", str(size), old)
    for at in ("0", "5M", "31M", "40M"):  # data before and after the end of a part, holes between, and one at the end
        a.exec("qemu-io", "-f", "raw", "-c", f"write -P 7 {at} 2M", old)
    a.virsh("pool-refresh", "local")
    here, there = opened(a), opened(b)
    new = there.create_volume(VolumeSpec(pool="local", name=name, format="raw", capacity=size))
    source = DiskPlace(path=old, pool="local", volume=name, format="raw")
    target = DiskPlace(path=new.path, pool="local", volume=name, format="raw")
    sent: list[int] = []
    for offset in (0, 16, 16, 32, 48):  # one of them again
        part = Part(offset=offset * mib, length=16 * mib)
        digest = here.disks.copy_content(
            source, target, lambda _, more: sent.append(more) is None, to=there.disks, part=part
        )
        assert digest == there.disks.checksum(target, lambda read, sent: True, part=part)
    assert sum(sent) <= 12 * mib
    assert there.disks.file_size(target) == size
    assert a.exec("sha256sum", old).split()[0] == b.exec("sha256sum", new.path).split()[0]
    assert int(b.exec("stat", "-c", "%b", new.path)) * 512 < 12 * mib
