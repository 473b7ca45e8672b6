"""The migration of a VM that is shut off, with its disks, over fake hosts: it is started paused, and never runs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from hosts.calls.move import Flag
from hosts.facts.guest import BootFiles, RunState
from hosts.gateway.port import GatewayError, Refused
from kvmweb.steps import StepState, Written
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import patience
from migrations_app.models import Migration, RollbackCopy
from migrations_app.models.migration import END_PAUSED, START_PAUSED
from migrations_app.usecases.give_order import cancel_migration
from migrations_app.worker import procedure
from tests.db.moving import LOCAL, Scene, eventually, fresh, in_state, said, states
from tests.db.test_placed_copies import Killed, killer
from tests.fakes.gateway import FakeHost
from tests.fakes.guests import Ending, FakeGuest
from tests.fakes.paused import FakePaused

pytestmark = pytest.mark.timeout(60)
PATH = f"{LOCAL}/db-01.qcow2"


def off_guest(scene: Scene, **changes: Any) -> FakeGuest:
    return scene.add_local_guest(state=RunState.SHUTOFF, reason="shutdown", **changes)


def ask(scene: Scene, guest: FakeGuest, **options: Any) -> Migration:
    return scene.request(guest, kind=Kind.OFFLINE_STORAGE, **options)


def a(scene: Scene) -> FakeHost:
    return scene.fleet["kvm-a"]


def b(scene: Scene) -> FakeHost:
    return scene.fleet["kvm-b"]


def paths(host: FakeHost) -> list[str]:
    return [volume.path for volume in host.volumes]


def ended_where(scene: Scene) -> list[str]:
    return [call.host for call in scene.fleet.calls if call.method == "paused.end"]


def assert_as_before(scene: Scene, guest: FakeGuest) -> None:
    """Shut off at the source, and nothing of it at the destination."""
    assert a(scene).guests[guest.definition.uuid].state is RunState.SHUTOFF
    assert guest.definition.uuid not in b(scene).guests
    assert (paths(a(scene)), paths(b(scene))) == ([PATH], [])
    assert not {"start", "resume"} & set(scene.fleet.methods())


def in_the_middle(scene: Scene, guest: FakeGuest, **options: Any) -> tuple[Migration, Any]:
    """It is copied, and the worker that follows it."""
    scene.script(guest).go_on.clear()
    migration = ask(scene, guest, **options)

    def run(row: Migration) -> Migration:
        with suppress(Killed):
            return scene.run(row)
        return row

    worker = scene.in_background(run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    return migration, worker


# --- the way --------------------------------------------------------------------------------------------------------


def test_it_is_started_paused_migrated_and_ended_there(scene: Scene) -> None:
    guest = off_guest(scene, autostart=True)
    done = scene.run(ask(scene, guest))
    assert (done.state, done.state_text, done.error) == (State.DONE, "db-01 is shut off on kvm-b.", {})
    assert states(done)[:3] == ["requested", "checking", "starting"]
    assert states(done)[-3:] == ["arriving", "verifying", "done"]
    uuid = guest.definition.uuid
    assert uuid not in a(scene).guests
    there = b(scene).guests[uuid]
    assert (there.state, there.autostart, there.persistent, there.mark) == (RunState.SHUTOFF, True, True, "")
    (call,) = [call.arguments[0] for call in scene.fleet.calls if call.method == "migrate"]
    assert (call.copy_disks, call.offline, call.live) == (("vda",), False, True)
    assert {Flag.PAUSED, Flag.PERSIST_DEST, Flag.UNDEFINE_SOURCE} <= call.flags
    assert ended_where(scene) == ["kvm-b"]
    assert not {"start", "resume"} & set(scene.fleet.methods())
    (copy,) = RollbackCopy.objects.all()
    assert copy.path == PATH
    assert "Started db-01 paused on kvm-a." in said(done)
    assert (done.downtime_ms, done.ran) == (None, False)


def test_it_is_started_afterwards_when_that_was_asked_for(scene: Scene) -> None:
    guest = off_guest(scene)
    done = scene.run(ask(scene, guest, start_after=True))
    assert (done.state, done.state_text) == (State.DONE, "db-01 runs on kvm-b.")
    there = b(scene).guests[guest.definition.uuid]
    assert (there.state, there.mark, done.ran) == (RunState.RUNNING, "", False)
    methods = scene.fleet.methods("kvm-b")
    assert methods.index("paused.end") < methods.index("start")


def test_a_disk_may_get_another_place(scene: Scene) -> None:
    guest = off_guest(scene)
    done = scene.run(ask(scene, guest, disks={"vda": {"pool": "testvms", "name": "new.qcow2"}}))
    assert done.state == State.DONE, done.error
    assert [disk.path for disk in b(scene).guests[guest.definition.uuid].definition.disks] == [
        "/var/lib/libvirt/testvms/new.qcow2"
    ]


def test_a_cancel_in_the_middle_leaves_it_as_it_was(scene: Scene, operator: Any) -> None:
    guest = off_guest(scene)
    migration, worker = in_the_middle(scene, guest)
    assert guest.state is RunState.PAUSED
    assert "is started paused on kvm-a while it is copied" in fresh(migration).state_text
    cancel_migration(fresh(migration), by=operator, reason="wrong host")
    worker.join(10)
    end = fresh(migration)
    assert (end.state, end.state_text) == (State.CANCELLED, "db-01 is shut off on kvm-a. The migration was cancelled.")
    assert ended_where(scene) == ["kvm-a"]
    assert_as_before(scene, guest)


def test_a_failure_leaves_it_as_it_was(scene: Scene) -> None:
    guest = off_guest(scene)
    scene.script(guest, ending=Ending.ROLLED_BACK, error=GatewayError("No space left on device", code=9, domain=10))
    guest_run = scene.run(ask(scene, guest))
    assert (guest_run.state, guest_run.error["cause"]) == (
        State.FAILED,
        "A storage pool is full: the copy of a disk did not fit.",
    )
    assert_as_before(scene, guest)


def test_a_start_without_an_answer_is_ended_when_it_came(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = off_guest(scene)
    real = FakePaused.start

    def late(self: FakePaused, uuid: str, mark: str) -> None:
        real(self, uuid, mark)
        raise GatewayError("no answer in time", code=68)

    monkeypatch.setattr(FakePaused, "start", late)
    ended = scene.run(ask(scene, guest))
    assert (ended.state, ended.error["cause"]) == (State.FAILED, "libvirt says: no answer in time.")
    assert "migrate" not in scene.fleet.methods()
    assert_as_before(scene, guest)


def test_a_running_vm_is_refused(scene: Scene) -> None:
    blocked = scene.run(ask(scene, scene.add_local_guest()))
    assert blocked.state == State.BLOCKED
    assert "db-01 is running; an offline migration needs it shut off." in blocked.state_text
    assert "paused.start" not in scene.fleet.methods()


def test_a_host_that_does_not_answer_blocks(scene: Scene) -> None:
    scene.add_host("kvm-c")
    guest = off_guest(scene)
    scene.fleet["kvm-c"].silent = True
    blocked = scene.run(ask(scene, guest))
    assert blocked.state == State.BLOCKED
    assert "paused.start" not in scene.fleet.methods()


def test_a_saved_state_is_never_left_behind(scene: Scene) -> None:
    assert scene.run(ask(scene, off_guest(scene, managed_save=True))).state == State.BLOCKED


NVRAM = "/var/lib/libvirt/qemu/nvram/db-01.fd"


def uefi_guest(scene: Scene) -> FakeGuest:
    guest = off_guest(scene)
    guest.definition = replace(guest.definition, boot=BootFiles(nvram=NVRAM))
    return guest


def test_uefi_variables_are_copied_before_it_is_started(scene: Scene) -> None:
    guest = uefi_guest(scene)
    a(scene).own_files[NVRAM], b(scene).own_files[NVRAM] = b"ours", b"left"
    done = scene.run(ask(scene, guest))
    kept = f"{NVRAM}.before-migration-{done.pk}"
    assert (done.state, b(scene).own_files) == (State.DONE, {NVRAM: b"ours", kept: b"left"})
    methods = scene.fleet.methods()
    assert methods.index("files.write") < methods.index("paused.start")


def test_uefi_variables_that_it_created_are_removed_when_it_fails(scene: Scene) -> None:
    guest = uefi_guest(scene)
    a(scene).own_files[NVRAM] = b"ours"
    scene.script(guest, ending=Ending.ROLLED_BACK)
    assert scene.run(ask(scene, guest)).state == State.FAILED
    assert (a(scene).own_files, b(scene).own_files) == ({NVRAM: b"ours"}, {})


def test_a_file_that_the_destination_had_is_put_back_when_it_fails(scene: Scene) -> None:
    guest = uefi_guest(scene)
    a(scene).own_files[NVRAM], b(scene).own_files[NVRAM] = b"ours", b"somebody's"
    scene.script(guest, ending=Ending.ROLLED_BACK)
    assert scene.run(ask(scene, guest)).state == State.FAILED
    assert (a(scene).own_files, b(scene).own_files) == ({NVRAM: b"ours"}, {NVRAM: b"somebody's"})


def test_uefi_variables_that_cannot_be_copied_end_it(scene: Scene) -> None:
    guest = uefi_guest(scene)
    a(scene).own_files[NVRAM] = b"ours"
    b(scene).fail("files.read", Refused("no such folder", code=55))
    ended = scene.run(ask(scene, guest))
    assert ended.state == State.FAILED
    assert "could not copy the UEFI variables to kvm-b: no such folder" in ended.error["cause"]
    assert_as_before(scene, guest)


# --- what ever ran --------------------------------------------------------------------------------------------------


def test_a_vm_that_somebody_resumes_at_the_source_is_left_running(scene: Scene) -> None:
    guest = off_guest(scene)
    migration, worker = in_the_middle(scene, guest)
    guest.state, guest.reason = RunState.RUNNING, "unpaused"
    worker.join(20)
    ended = fresh(migration)
    assert (ended.state, ended.ran) == (State.NEEDS_ATTENTION, True)
    assert "db-01 runs on kvm-a. This migration had started it paused" in ended.state_text
    assert guest.state is RunState.RUNNING
    assert ended_where(scene) == []
    guest.state, guest.mark = RunState.SHUTOFF, ""  # its user shuts it down
    again = scene.adopt(ended)
    assert again.state == State.FAILED
    assert_as_before(scene, guest)


@pytest.mark.parametrize("sign", ["event", "requests", "cpu_ms", "state"])
def test_a_vm_that_ran_at_the_destination_is_left_alone(scene: Scene, sign: str, monkeypatch: Any) -> None:
    guest = off_guest(scene)
    real = FakePaused.look

    def look(self: FakePaused, uuid: str) -> Any:
        there = b(scene).guests.get(uuid)
        if there is not None and there.job is None and there.mark:
            match sign:
                case "event":
                    b(scene).tell_resumed(uuid)
                case "state":
                    there.state = RunState.RUNNING
                case _:
                    setattr(there, sign, 1000)
        return real(self, uuid)

    monkeypatch.setattr(FakePaused, "look", look)
    ended = scene.run(ask(scene, guest))
    assert (ended.state, ended.ran) == (State.NEEDS_ATTENTION, True)
    assert b(scene).guests[guest.definition.uuid].active
    assert ended_where(scene) == []


def test_what_was_not_seen_to_run_is_looked_at_once_more(scene: Scene, monkeypatch: Any) -> None:
    """Resumed between the look and the end: the host refuses."""
    guest = off_guest(scene)
    real = FakePaused.end

    def end(self: FakePaused, uuid: str, mark: str) -> None:
        b(scene).guests[uuid].requests = 1
        real(self, uuid, mark)

    monkeypatch.setattr(FakePaused, "end", end)
    ended = scene.run(ask(scene, guest))
    assert (ended.state, ended.ran) == (State.NEEDS_ATTENTION, True)
    assert b(scene).guests[guest.definition.uuid].state is RunState.PAUSED


def test_somebody_elses_run_is_not_touched(scene: Scene) -> None:
    """It was ended with virsh, and started again, paused too."""
    guest = off_guest(scene)
    scene.script(guest, ending=Ending.ROLLED_BACK).go_on.clear()
    migration = ask(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    guest.mark, guest.run = "", 99
    scene.fleet.moves[guest.definition.uuid].go_on.set()
    worker.join(20)
    ended = fresh(migration)
    assert (ended.state, guest.state) == (State.FAILED, RunState.PAUSED)
    assert ended_where(scene) == []


def test_a_silent_host_ends_nothing(scene: Scene, monkeypatch: Any) -> None:
    monkeypatch.setattr(patience, "SILENCE_S", 1.0)
    guest = off_guest(scene)
    migration, worker = in_the_middle(scene, guest)
    a(scene).silent = True
    worker.join(20)
    ended = fresh(migration)
    assert ended.state == State.NEEDS_ATTENTION
    assert ended_where(scene) == []
    scene.fleet.moves[guest.definition.uuid].go_on.set()
    eventually(lambda: b(scene).guests[guest.definition.uuid].reason == "user")
    assert scene.adopt(ended).state == State.NEEDS_ATTENTION
    assert ended_where(scene) == []
    a(scene).silent = False
    done = scene.adopt(fresh(migration))
    assert (done.state, done.state_text) == (State.DONE, "db-01 is shut off on kvm-b.")


# --- a worker that was killed ---------------------------------------------------------------------------------------


def killed(scene: Scene, migration: Migration) -> Migration:
    with suppress(Killed):
        scene.run(migration)
        pytest.fail("the worker was not killed")
    return fresh(migration)


def written(migration: Migration, step: str) -> list[str]:
    return [str(one.state) for one in map(Written.from_json, migration.steps) if one.step == step]


def test_killed_before_the_start(scene: Scene, monkeypatch: Any) -> None:
    monkeypatch.setattr(patience, "JOB_WAIT_S", 1.0)
    guest = off_guest(scene)
    a(scene).fail("paused.start", Killed())
    left = killed(scene, ask(scene, guest))
    assert written(left, START_PAUSED) == [StepState.BEGUN]
    assert scene.adopt(left).state == State.FAILED
    assert_as_before(scene, guest)


def test_killed_during_the_start(scene: Scene, monkeypatch: Any) -> None:
    guest = off_guest(scene)
    with monkeypatch.context() as patch:
        real = FakePaused.start

        def start(self: FakePaused, uuid: str, mark: str) -> None:
            real(self, uuid, mark)
            raise Killed

        patch.setattr(FakePaused, "start", start)
        left = killed(scene, ask(scene, guest))
    assert (written(left, START_PAUSED), guest.state) == ([StepState.BEGUN], RunState.PAUSED)
    assert scene.adopt(left).state == State.FAILED
    assert ended_where(scene) == ["kvm-a"]
    assert_as_before(scene, guest)


def test_killed_before_libvirt_was_asked_to_migrate(scene: Scene, monkeypatch: Any) -> None:
    guest = off_guest(scene)
    with monkeypatch.context() as patch:
        patch.setattr(procedure, "Mover", killer)
        left = killed(scene, ask(scene, guest))
    assert (written(left, START_PAUSED), left.call_made) == ([StepState.VERIFIED], False)
    assert scene.adopt(left).state == State.FAILED
    assert_as_before(scene, guest)


def test_killed_while_it_is_copied(scene: Scene) -> None:
    guest = off_guest(scene)
    migration, worker = in_the_middle(scene, guest)
    a(scene).fail("look", Killed())
    worker.join(10)
    follower = scene.in_background(scene.adopt, migration)
    scene.fleet.moves[guest.definition.uuid].go_on.set()
    follower.join(30)
    done = fresh(migration)
    assert (done.state, done.state_text) == (State.DONE, "db-01 is shut off on kvm-b.")
    assert "start" not in scene.fleet.methods()


@pytest.mark.parametrize("after", [False, True])
def test_killed_while_it_is_ended_there(scene: Scene, monkeypatch: Any, *, after: bool) -> None:
    guest = off_guest(scene)
    if after:
        real = FakePaused.end

        def end(self: FakePaused, uuid: str, mark: str) -> None:
            real(self, uuid, mark)
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(FakePaused, "end", end)
            left = killed(scene, ask(scene, guest))
    else:
        b(scene).fail("paused.end", Killed())
        left = killed(scene, ask(scene, guest))
    assert written(left, END_PAUSED) == [StepState.BEGUN]
    done = scene.adopt(left)
    assert (done.state, done.state_text) == (State.DONE, "db-01 is shut off on kvm-b.")
    assert RollbackCopy.objects.count() == 1


def test_killed_while_it_is_ended_at_the_source(scene: Scene) -> None:
    guest = off_guest(scene)
    scene.script(guest, ending=Ending.ROLLED_BACK)
    a(scene).fail("paused.end", Killed())
    left = killed(scene, ask(scene, guest))
    assert (written(left, END_PAUSED), guest.state) == ([StepState.BEGUN], RunState.PAUSED)
    assert scene.adopt(left).state == State.FAILED
    assert_as_before(scene, guest)
