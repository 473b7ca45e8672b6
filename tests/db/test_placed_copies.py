"""The option `disks`: a worker that copies to another pool, name and format ends at some step, another one takes over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from hosts.gateway.port import HostConnection
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration, RollbackCopy
from migrations_app.usecases.give_order import cancel_migration
from migrations_app.worker import procedure
from tests.db.moving import LOCAL, Scene, eventually, fresh, in_state, pool, said, volume
from tests.fakes.gateway import FakeConnection, FakeHost
from tests.fakes.guests import FakeGuest, Move

pytestmark = [pytest.mark.django_db(transaction=True)]

OLD, NEW = f"{LOCAL}/db-01.qcow2", "/srv/fast/new.raw"
PLACES = {"vda": {"pool": "fast", "name": "new.raw", "format": "raw"}}


class Killed(BaseException):
    """The worker ends here."""


class Placing:
    """db-01, whose disk is to be copied to another place. What else has its old name there belongs to somebody."""

    def __init__(self, scene: Scene, kind: Kind) -> None:
        self.scene = scene
        self.source: FakeHost = scene.fleet["kvm-a"]
        self.target: FakeHost = scene.fleet["kvm-b"]
        self.target.pools.append(pool("fast", "/srv/fast", "dir"))
        self.target.volumes.append(volume(OLD, "default"))
        self.target.file_numbers[NEW] = "1:7:10:00"
        self.guest: FakeGuest = scene.add_local_guest()
        self.move: Move = scene.script(self.guest)
        self.migration: Migration = scene.request(self.guest, kind=kind, copy=True, disks=PLACES)

    def killed(self) -> Migration:
        """It runs until it is killed."""
        with suppress(Killed):
            self.scene.run(self.migration)
            pytest.fail("the worker was not killed")
        return fresh(self.migration)

    def killed_in_the_middle(self) -> None:
        """Of the copy, which goes on."""
        self.move.go_on.clear()
        worker = self.scene.in_background(lambda _: self.killed(), self.migration)
        eventually(in_state(self.migration, State.COPYING_MEMORY, State.COPYING_DISKS))
        self.source.fail("look", Killed())
        worker.join(20)
        assert not self.source._faults["look"]

    def adopted(self) -> threading.Thread:
        return self.scene.in_background(self.scene.adopt, self.migration)

    def volumes(self) -> list[str]:
        return [each.path for each in self.target.volumes if each.path in (OLD, NEW)]

    def assert_not_begun(self, end: Migration, *, left: bool, known: bool) -> None:
        """libvirt was never asked. `left`: the volume is there still; `known`: written down for a user."""
        assert (end.state, end.call_made) == (State.FAILED, False)
        assert end.state_text.startswith("db-01 runs on kvm-a")
        assert end.error["cause"] == "The worker ended before it asked libvirt to migrate the VM."
        assert "migrate" not in self.scene.fleet.methods()
        assert self.volumes() == ([OLD, NEW] if left else [OLD])
        assert [each["path"] for each in end.created_volumes] == ([NEW] if known else [])
        assert self.guest.definition.disks[0].path == OLD
        assert not RollbackCopy.objects.exists()

    def assert_done(self) -> None:
        end = fresh(self.migration)
        assert (end.state, end.state_text) == (State.DONE, "db-01 runs on kvm-b.")
        uuid = self.guest.definition.uuid
        (disk,) = self.target.guests[uuid].definition.disks
        assert (disk.path, disk.format) == (NEW, "raw")
        assert uuid not in self.source.guests
        assert self.volumes() == [OLD, NEW]
        assert RollbackCopy.objects.get().path == OLD  # the source's
        for once in ("create_volume", "migrate"):
            assert self.scene.fleet.methods().count(once) == 1
        assert "delete_volume" not in self.scene.fleet.methods()


@pytest.fixture(params=[Kind.LIVE_STORAGE, Kind.SUSPENDED])
def placing(request: pytest.FixtureRequest, scene: Scene) -> Placing:
    return Placing(scene, request.param)


def test_nobody_ends(placing: Placing) -> None:
    placing.scene.run(placing.migration)
    placing.assert_done()


def test_killed_before_anything_was_recorded(placing: Placing) -> None:
    placing.source.fail("disks.virtual_size", Killed())
    assert placing.killed().steps == []
    placing.assert_not_begun(placing.scene.adopt(placing.migration), left=False, known=False)


def test_killed_right_before_the_volume_is_made(placing: Placing) -> None:
    """Recorded as begun: kvmweb cannot tell what became of it, so a user is told."""
    placing.target.fail("create_volume", Killed())
    assert [step["state"] for step in placing.killed().steps] == ["begun"]
    end = placing.scene.adopt(placing.migration)
    placing.assert_not_begun(end, left=False, known=True)
    assert f"kvmweb cannot tell whether this migration created {NEW} on kvm-b" in said(end)


def test_killed_right_after_the_volume_was_made(placing: Placing, monkeypatch: pytest.MonkeyPatch) -> None:
    """What kvmweb is not sure to have made, it does not remove."""
    kill_after(monkeypatch, "create_volume")
    assert [step["state"] for step in placing.killed().steps] == ["begun"]
    end = placing.scene.adopt(placing.migration)
    placing.assert_not_begun(end, left=True, known=True)
    assert f"kvmweb cannot tell whether this migration created {NEW} on kvm-b" in said(end)


def test_killed_before_the_volume_was_verified(placing: Placing) -> None:
    placing.target.fail("volume_identity", Killed())
    assert [step["state"] for step in placing.killed().steps] == ["done"]
    end = placing.scene.adopt(placing.migration)
    placing.assert_not_begun(end, left=True, known=True)
    assert f"kvmweb cannot tell whether {NEW} on kvm-b is still the volume it created" in said(end)


def test_killed_before_libvirt_was_asked(placing: Placing, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(procedure, "Mover", killer)
        assert [step["state"] for step in placing.killed().steps] == ["verified"]
    end = placing.scene.adopt(placing.migration)
    placing.assert_not_begun(end, left=False, known=False)
    assert f"Removed {NEW}, which this migration created on kvm-b." in said(end)


def test_killed_during_the_copy(placing: Placing) -> None:
    placing.killed_in_the_middle()
    adopter = placing.adopted()
    eventually(lambda: "Another worker follows this migration now" in said(placing.migration))
    placing.move.go_on.set()
    adopter.join(20)
    placing.assert_done()


def test_killed_during_the_copy_and_cancelled(placing: Placing) -> None:
    placing.killed_in_the_middle()
    adopter = placing.adopted()
    cancel_migration(fresh(placing.migration), by=placing.scene.operator)
    adopter.join(20)
    end = fresh(placing.migration)
    assert (end.state, placing.volumes(), end.created_volumes) == (State.CANCELLED, [OLD], [])
    assert placing.guest.state.active
    assert not RollbackCopy.objects.exists()


def test_the_copy_ends_while_nobody_watches(placing: Placing) -> None:
    placing.killed_in_the_middle()
    placing.move.go_on.set()
    assert placing.move.over.wait(10)
    placing.scene.adopt(placing.migration)
    placing.assert_done()


@pytest.mark.parametrize("method", ["finished_job", "volume_identity"])
def test_killed_after_the_vm_has_arrived(placing: Placing, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While kvmweb asks for the numbers, or whether the copy is what it made."""
    asked = getattr(FakeConnection, method)

    def once_there(self: FakeConnection, *arguments: Any) -> Any:
        if placing.move.over.is_set():
            raise Killed
        return asked(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(FakeConnection, method, once_there)
        placing.killed()
    placing.scene.adopt(placing.migration)
    placing.assert_done()


def killer(*arguments: Any) -> Any:
    raise Killed


def kill_after(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """The host does it, and the worker does not hear of it any more."""
    do: Callable[..., Any] = getattr(FakeConnection, method)

    def then_end(self: HostConnection, *arguments: Any) -> Any:
        do(self, *arguments)
        raise Killed

    monkeypatch.setattr(FakeConnection, method, then_end)
