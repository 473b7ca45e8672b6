"""Disks go from pool to pool on the host of their VM, over a fake host; workers die at every step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hosts.facts.disk_copy import BlockJob
from hosts.facts.guest import Disk, RunState
from hosts.gateway.port import GatewayError, Refused
from kvmweb.queue import Detached
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.orders.cancel import ORDER as CANCEL
from migrations_app.models import Migration, RollbackCopy
from migrations_app.usecases.give_order import give_order
from tests.db.moving import LOCAL, Scene, eventually, fresh, said, states, volume
from tests.fakes.guests import IMAGES, FakeGuest

NEW, NEW_TWO = f"{LOCAL}/web-01.qcow2", f"{LOCAL}/two.qcow2"
OLD, OLD_TWO = f"{IMAGES}/web-01.qcow2", f"{IMAGES}/two.qcow2"
COPYING = BlockJob(done=400, total=1000)


def storage(scene: Scene, guest: FakeGuest, disks: Any = None, **options: Any) -> Migration:
    places = disks or {"vda": {"pool": "default"}}
    return scene.request(guest, to="kvm-a", kind=Kind.STORAGE, disks=places, **options)


def two_disks(scene: Scene, **changes: Any) -> tuple[FakeGuest, Migration]:
    guest = scene.add_guest(**changes)
    two = Disk(target="vdb", device="disk", type="file", path=OLD_TWO, format="qcow2")
    guest.definition = replace(guest.definition, disks=(*guest.definition.disks, two))
    scene.fleet["kvm-a"].volumes.append(volume(OLD_TWO))
    return guest, storage(scene, guest, {"vda": {"pool": "default"}, "vdb": {"pool": "default"}})


def paths(guest: FakeGuest) -> tuple[list[str], list[str]]:
    """In the running (or, shut off, the only) and in the saved definition."""
    both = guest.definition, guest.saved or guest.definition
    return tuple([disk.path for disk in one.disks] for one in both)  # type: ignore[return-value]


def volumes(scene: Scene) -> set[str]:
    return {volume.path for volume in scene.fleet["kvm-a"].volumes}


def test_the_disk_of_a_running_vm_goes_to_another_pool(scene: Scene) -> None:
    guest = scene.add_guest()
    done = scene.run(storage(scene, guest))
    assert done.state == State.DONE, (done.state_text, done.error, done.findings)
    assert done.state_text == "web-01 runs on kvm-a, with disk vda at its new place."
    assert states(done) == [
        "requested", "checking", "starting", "copying_disks", "switching_over", "verifying", "done",
    ]  # fmt: skip
    assert paths(guest) == ([NEW], [NEW])
    assert {OLD, NEW} <= volumes(scene)
    (copy,) = RollbackCopy.objects.all()
    assert (copy.host.name, copy.path, copy.disk) == ("kvm-a", OLD, "vda")
    assert done.progress["percent"] == 100
    assert "migrate" not in scene.fleet.methods()
    assert "probe_peer" not in scene.fleet.methods()


def test_all_disks_are_copied_before_one_is_switched_over(scene: Scene) -> None:
    guest, migration = two_disks(scene, state=RunState.PAUSED, reason="user")
    assert scene.run(migration).state == State.DONE
    changes = [name for name in scene.fleet.methods() if name.startswith("disks.") and name.count("look") == 0]
    wanted = ["copy", "copy", "switch", "switch", "save", "save"]
    asked = ("disks.virtual_size", "disks.file_size", "disks.file_system")
    assert [name for name in changes if name not in asked] == [f"disks.{name}" for name in wanted]
    assert paths(guest) == ([NEW, NEW_TWO], [NEW, NEW_TWO])
    assert guest.state is RunState.PAUSED


def test_the_copy_is_limited_and_synchronous_when_that_was_asked_for(scene: Scene) -> None:
    scene.run(storage(scene, scene.add_guest(), sync_writes=True, disk_bandwidth_mib=3))
    (call,) = [call for call in scene.fleet.calls if call.method == "disks.copy"]
    assert call.arguments[3:] == (True, 3 * 1024**2)


def test_a_cancel_while_it_copies_leaves_everything_as_it_was(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest(first_copy=COPYING)
    migration = storage(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(lambda: fresh(migration).progress.get("percent") == 40)
    give_order(migration, CANCEL, by=operator)
    worker.join(20)
    ended = fresh(migration)
    assert (ended.state, ended.state_text) == (
        State.CANCELLED,
        "web-01 runs on kvm-a, on its old disks. The migration was cancelled.",
    )
    assert (paths(guest), guest.copies) == (([OLD], [OLD]), {})
    assert NEW not in volumes(scene)
    assert not RollbackCopy.objects.exists()


def test_a_cancel_after_a_disk_was_switched_over_comes_too_late(scene: Scene, operator: Any) -> None:
    guest, migration = two_disks(scene)
    busy = GatewayError("busy", code=68)
    scene.fleet["kvm-a"].fail("disks.save", busy, times=3)
    worker = scene.in_background(scene.run, migration)
    eventually(lambda: "disks.switch" in scene.fleet.methods())
    give_order(migration, CANCEL, by=operator)
    worker.join(20)
    ended = fresh(migration)
    assert (ended.state, paths(guest)) == (State.DONE, ([NEW, NEW_TWO], [NEW, NEW_TWO]))
    assert "The cancel came too late." in ended.state_text


def test_a_vm_that_is_shut_off_while_it_copies_keeps_its_disk(scene: Scene) -> None:
    guest = scene.add_guest(first_copy=COPYING)
    migration = storage(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(lambda: fresh(migration).progress.get("percent") == 40)
    guest.state, guest.reason = RunState.SHUTOFF, "shutdown"
    worker.join(20)
    ended = fresh(migration)
    assert (ended.state, ended.state_text) == (
        State.FAILED,
        "web-01 is shut off on kvm-a, on its old disks. The migration failed.",
    )
    assert ended.error["cause"] == "The VM was shut off while its disks were copied."
    assert paths(guest) == ([OLD], [OLD])
    assert NEW not in volumes(scene)


def test_a_copy_that_ends_early_fails(scene: Scene) -> None:
    guest = scene.add_guest(first_copy=COPYING)
    migration = storage(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(lambda: fresh(migration).progress.get("percent") == 40)
    guest.copies.clear()
    worker.join(20)
    ended = fresh(migration)
    assert (ended.state, ended.error["cause"]) == (
        State.FAILED,
        "The copy of disk vda ended before it was complete.",
    )
    assert NEW not in volumes(scene)


def test_a_copy_that_libvirt_refuses_leaves_nothing(scene: Scene) -> None:
    guest, migration = two_disks(scene)
    why = Refused("disk is shareable", code=55)
    fake = scene.fleet["kvm-a"]
    original = fake.called

    def called(method: str, *arguments: Any) -> None:
        original(method, *arguments)
        if method == "disks.copy" and arguments[1] == "vdb":
            raise why

    fake.called = called  # type: ignore[method-assign]
    ended = scene.run(migration)
    assert ended.state == State.FAILED
    assert "disk is shareable" in ended.error["cause"]
    assert guest.copies == {}
    assert not {NEW, NEW_TWO} & volumes(scene)


def test_when_one_disk_cannot_be_switched_over_the_end_says_which_is_where(scene: Scene) -> None:
    guest, migration = two_disks(scene)
    fake, original = scene.fleet["kvm-a"], scene.fleet["kvm-a"].called

    def called(method: str, *arguments: Any) -> None:
        original(method, *arguments)
        if method == "disks.switch" and arguments[1] == "vdb":
            guest.copies.pop("vdb")
            raise GatewayError("block job failed", code=1)

    fake.called = called  # type: ignore[method-assign]
    ended = scene.run(migration)
    assert ended.state == State.FAILED
    assert ended.state_text.startswith("web-01 runs on kvm-a. Only a part of its disks is at the new place. Disk vda:")
    assert f"Disk vdb: the VM uses the old disk, its saved definition names the old disk (old: {OLD_TWO}" in (
        ended.state_text
    )
    assert paths(guest) == ([NEW, OLD_TWO], [NEW, OLD_TWO])
    assert NEW in volumes(scene)
    assert NEW_TWO not in volumes(scene)
    assert [copy.disk for copy in RollbackCopy.objects.all()] == ["vda"]


def test_a_vm_that_stops_in_the_switch_over_needs_a_user(scene: Scene) -> None:
    guest = scene.add_guest()
    fake, original = scene.fleet["kvm-a"], scene.fleet["kvm-a"].called

    def called(method: str, *arguments: Any) -> None:
        original(method, *arguments)
        if method == "disks.switch":
            guest.state = RunState.SHUTOFF
            raise GatewayError("QEMU is gone", code=68)

    fake.called = called  # type: ignore[method-assign]
    ended = scene.run(storage(scene, guest))
    assert ended.state == State.NEEDS_ATTENTION
    assert "kvmweb cannot tell which disk has its newest data" in ended.state_text
    assert OLD in ended.state_text
    assert NEW in ended.state_text
    assert {OLD, NEW} <= volumes(scene)


def test_a_vm_that_stops_after_the_switch_over_starts_from_the_new_disk(scene: Scene) -> None:
    guest = scene.add_guest()
    fake, original = scene.fleet["kvm-a"], scene.fleet["kvm-a"].called

    def called(method: str, *arguments: Any) -> None:
        if method == "disks.save" and guest.active:
            guest.state = RunState.SHUTOFF
        original(method, *arguments)

    fake.called = called  # type: ignore[method-assign]
    ended = scene.run(storage(scene, guest))
    assert (ended.state, ended.state_text) == (
        State.DONE,
        "web-01 is shut off on kvm-a, with disk vda at its new place.",
    )
    assert paths(guest)[1] == [NEW]


# --- a worker that was killed -------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["disks.copy", "disks.switch", "disks.save"])
@pytest.mark.parametrize("nth", [1, 2])
def test_killed_at_any_step_another_worker_ends_it(scene: Scene, step: str, nth: int, *, after: bool) -> None:
    guest, migration = two_disks(scene)
    kill(scene, guest, step, nth, after=after)
    with pytest.raises(Detached):
        scene.run(migration)
    assert not fresh(migration).terminal
    ended = scene.adopt(migration)
    assert ended.state == State.DONE, ended.state_text
    assert paths(guest) == ([NEW, NEW_TWO], [NEW, NEW_TWO])
    assert guest.copies == {}
    assert sorted(copy.path for copy in RollbackCopy.objects.all()) == sorted([OLD, OLD_TWO])
    assert "Another worker follows this migration now." in said(ended)


@pytest.mark.parametrize("step", ["create_volume", "volume_identity", "virtual_size"])
def test_killed_before_it_copied_nothing_else_is_touched(scene: Scene, step: str) -> None:
    guest = scene.add_guest()
    migration = storage(scene, guest)
    kill(scene, guest, f"disks.{step}" if step == "virtual_size" else step, 1, after=False)
    with pytest.raises(Detached):
        scene.run(migration)
    ended = scene.adopt(migration)
    assert (ended.state, ended.error["cause"]) == (State.FAILED, "The worker ended before it began to copy.")
    assert paths(guest) == ([OLD], [OLD])
    left = f"kvmweb cannot tell whether {NEW} on kvm-a is still the volume it created."
    assert (NEW in volumes(scene)) == (left in said(ended)) == (step == "volume_identity")


def test_killed_while_it_copies_and_the_vm_was_started_anew(scene: Scene) -> None:
    guest = scene.add_guest(first_copy=COPYING)
    migration = storage(scene, guest)
    kill(scene, guest, "disks.copy", 1, after=True)
    with pytest.raises(Detached):
        scene.run(migration)
    guest.copies.clear()
    guest.run += 1
    ended = scene.adopt(migration)
    assert (ended.state, ended.error["cause"]) == (State.FAILED, "The VM was started again.")
    assert NEW not in volumes(scene)


def test_killed_after_the_switch_over_and_started_from_the_old_disk_needs_a_user(scene: Scene) -> None:
    guest = scene.add_guest()
    migration = storage(scene, guest)
    kill(scene, guest, "disks.save", 1, after=False)
    with pytest.raises(Detached):
        scene.run(migration)
    assert guest.saved is not None
    guest.definition, guest.saved, guest.run = guest.saved, None, guest.run + 1
    ended = scene.adopt(migration)
    assert ended.state == State.NEEDS_ATTENTION
    assert "cannot tell which disk has its newest data" in ended.state_text
    assert {OLD, NEW} <= volumes(scene)


def test_one_that_needed_a_user_continues_when_its_host_is_back(scene: Scene) -> None:
    guest = scene.add_guest()
    migration = storage(scene, guest)
    kill(scene, guest, "disks.copy", 1, after=True)
    with pytest.raises(Detached):
        scene.run(migration)
    Migration.objects.filter(pk=migration.pk).update(state=State.NEEDS_ATTENTION, error={"cause": "not reachable"})
    ended = scene.adopt(migration)
    assert (ended.state, ended.error, paths(guest)) == (State.DONE, {}, ([NEW], [NEW]))


def kill(scene: Scene, guest: FakeGuest, step: str, nth: int, *, after: bool) -> None:
    """The worker dies in this call, before or after the host did what it was told."""
    fake = scene.fleet["kvm-a"]
    original, count = fake.called, {"calls": 0, "died": False}
    if after:
        name = step.removeprefix("disks.")
        cls = type(fake.fleet.connect(fake.endpoint()).disks)
        real = getattr(cls, name)

        def dies(self: Any, *arguments: Any, **named: Any) -> None:
            real(self, *arguments, **named)
            count["calls"] += 1
            if count["calls"] == nth:
                setattr(cls, name, real)
                raise Detached

        setattr(cls, name, dies)
        return

    def called(method: str, *arguments: Any) -> None:
        original(method, *arguments)
        count["calls"] += method == step
        if count["calls"] == nth and method == step and not count["died"]:
            count["died"] = True
            raise Detached

    fake.called = called  # type: ignore[method-assign]


# --- a VM that is shut off ----------------------------------------------------------------------------------------


def off(scene: Scene, **changes: Any) -> FakeGuest:
    scene.fleet["kvm-a"].contents[OLD] = "data"
    return scene.add_guest(state=RunState.SHUTOFF, reason="shutdown", run=-1, **changes)


def test_the_content_of_a_shut_off_vm_is_copied_compared_and_saved(scene: Scene) -> None:
    guest = off(scene)
    done = scene.run(storage(scene, guest))
    assert (done.state, done.state_text) == (
        State.DONE,
        "web-01 is shut off on kvm-a, with disk vda at its new place.",
    ), done.error
    assert states(done) == ["requested", "checking", "starting", "copying_disks", "verifying", "done"]
    assert paths(guest) == ([NEW], [NEW])
    assert scene.fleet["kvm-a"].contents[NEW] == "data"
    (copy,) = RollbackCopy.objects.all()
    assert (copy.path, copy.verification) == (OLD, "checksums")
    evidence = next(step["evidence"] for step in done.steps if step["step"] == "copy content")
    assert evidence == {"sha256": "sha256 of data", "modified": 0.0}


def test_a_vm_that_is_shut_off_right_after_its_check_is_not_touched(scene: Scene) -> None:
    """What may be done with a VM that runs is not right for one that is shut off."""
    guest = scene.add_guest(first_copy=COPYING)
    fake, original = scene.fleet["kvm-a"], scene.fleet["kvm-a"].called

    def called(method: str, *arguments: Any) -> None:
        original(method, *arguments)
        if method == "run_number":
            guest.state, guest.run = RunState.SHUTOFF, -1

    fake.called = called  # type: ignore[method-assign]
    ended = scene.run(storage(scene, guest, {"vda": {"pool": "default", "name": "x.raw", "format": "raw"}}))
    assert (ended.state, ended.error["cause"]) == (
        State.FAILED,
        "The VM was started or shut off in this moment.",
    )
    assert "create_volume" not in scene.fleet.methods()


def test_a_copy_with_another_content_is_not_used(scene: Scene) -> None:
    guest, fake = off(scene), scene.fleet["kvm-a"]
    original = fake.called

    def called(method: str, *arguments: Any) -> None:
        original(method, *arguments)
        if method == "disks.checksum":
            fake.contents[NEW] = "broken"

    fake.called = called  # type: ignore[method-assign]
    ended = scene.run(storage(scene, guest))
    assert ended.state == State.FAILED
    assert "checksums are different" in ended.error["cause"]
    assert (paths(guest), NEW in volumes(scene)) == (([OLD], [OLD]), False)


def test_a_vm_that_is_started_while_its_disk_is_read_keeps_it(scene: Scene) -> None:
    guest = off(scene)
    scene.fleet["kvm-a"].reads.clear()
    migration = storage(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(lambda: "disks.copy_content" in scene.fleet.methods())
    guest.state, guest.run = RunState.RUNNING, 7
    worker.join(20)
    ended = fresh(migration)
    assert (ended.state, ended.error["cause"]) == (
        State.FAILED,
        "The VM was started while its disks were copied.",
    )
    assert (paths(guest), NEW in volumes(scene)) == (([OLD], [OLD]), False)


def test_a_disk_that_was_written_to_since_it_was_copied_is_kept(scene: Scene) -> None:
    """The VM was started and shut off again."""
    guest, fake = off(scene), scene.fleet["kvm-a"]
    original = fake.called

    def called(method: str, *arguments: Any) -> None:
        original(method, *arguments)
        if method == "disks.checksum":
            fake.modified[OLD] = 99.0

    fake.called = called  # type: ignore[method-assign]
    ended = scene.run(storage(scene, guest))
    assert ended.state == State.FAILED
    assert "was written to since it was copied" in ended.error["cause"]
    assert (paths(guest), NEW in volumes(scene)) == (([OLD], [OLD]), False)


def test_a_cancel_while_the_content_is_read_leaves_nothing(scene: Scene, operator: Any) -> None:
    guest = off(scene)
    scene.fleet["kvm-a"].reads.clear()
    migration = storage(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(lambda: "disks.copy_content" in scene.fleet.methods())
    give_order(migration, CANCEL, by=operator)
    worker.join(20)
    assert fresh(migration).state == State.CANCELLED
    assert (paths(guest), NEW in volumes(scene)) == (([OLD], [OLD]), False)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["disks.copy_content", "disks.checksum", "disks.save"])
def test_killed_at_any_step_of_a_shut_off_vm_another_worker_ends_it(scene: Scene, step: str, *, after: bool) -> None:
    guest = off(scene)
    migration = storage(scene, guest)
    kill(scene, guest, step, 1, after=after)
    with pytest.raises(Detached):
        scene.run(migration)
    ended = scene.adopt(migration)
    assert ended.state == State.DONE, (ended.state_text, ended.error)
    assert (paths(guest), scene.fleet["kvm-a"].contents[NEW]) == (([NEW], [NEW]), "data")
