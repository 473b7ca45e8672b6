"""An offline migration from the request to its end, over fake hosts."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from hosts.facts.guest import RunState
from hosts.gateway.port import GatewayError
from kvmweb.steps import StepState, Written
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.orders.cancel import ORDER as CANCEL
from migrations_app.domain.outcome import patience
from migrations_app.models import Migration
from migrations_app.models.migration import START_GUEST
from migrations_app.usecases.give_order import give_order
from migrations_app.worker.watch import observer
from tests.db.moving import Scene, eventually, fresh, in_state, said, states
from tests.fakes.guests import Ending, FakeGuest, Move


def off_guest(scene: Scene, **changes: Any) -> FakeGuest:
    return scene.add_guest(state=RunState.SHUTOFF, reason="shutdown", **changes)


def offline(scene: Scene, guest: FakeGuest, **options: Any) -> Migration:
    return scene.request(guest, kind=Kind.OFFLINE, **options)


def blocked_by(migration: Migration) -> set[str]:
    return {finding["check"] for finding in migration.findings if finding["severity"] == "blocker"}


def test_the_definition_migrates_and_the_vm_stays_shut_off(scene: Scene) -> None:
    guest = off_guest(scene, autostart=True)
    done = scene.run(offline(scene, guest))
    assert (done.state, done.state_text) == (State.DONE, "web-01 is shut off on kvm-b.")
    assert states(done) == ["requested", "checking", "starting", "verifying", "done"]
    uuid = guest.definition.uuid
    assert uuid not in scene.fleet["kvm-a"].guests
    there = scene.fleet["kvm-b"].guests[uuid]
    assert (there.state, there.autostart, there.definition) == (RunState.SHUTOFF, True, guest.definition)
    (call,) = [call.arguments[0] for call in scene.fleet.calls if call.method == "migrate"]
    assert call.offline
    assert not call.copy_disks
    assert "start" not in scene.fleet.methods()


def test_it_is_started_afterwards_when_that_was_asked_for(scene: Scene) -> None:
    scene.add_host("kvm-c")
    guest = off_guest(scene)
    done = scene.run(offline(scene, guest, start_after=True))
    assert (done.state, done.state_text) == (State.DONE, "web-01 runs on kvm-b.")
    assert states(done) == ["requested", "checking", "starting", "arriving", "verifying", "done"]
    assert "web-01 was started on kvm-b." in said(done)
    calls = [(call.host, call.method) for call in scene.fleet.calls if call.method in ("migrate", "look", "start")]
    start = calls.index(("kvm-b", "start"))
    assert ("kvm-c", "look") in calls[calls.index(("kvm-a", "migrate")) : start]
    assert scene.fleet.methods().count("start") == 1


def test_a_later_one_forecasts_nothing_from_it(scene: Scene) -> None:
    assert scene.run(offline(scene, off_guest(scene))).state == State.DONE
    later = scene.run(offline(scene, off_guest(scene, name="web-02")))
    assert later.state == State.DONE
    assert later.forecast.get("high_ms") is None
    assert later.downtime_ms is None


def test_the_source_may_keep_its_definition(scene: Scene) -> None:
    done = scene.run(offline(scene, off_guest(scene), undefine_source=False))
    assert done.state == State.DONE
    assert done.state_text == "web-01 is shut off on kvm-b. kvm-a keeps its shut-off definition."


def test_a_running_vm_is_refused(scene: Scene) -> None:
    blocked = scene.run(offline(scene, scene.add_guest()))
    assert blocked.state == State.BLOCKED
    assert "web-01 is running; an offline migration needs it shut off." in blocked.state_text
    assert "migrate" not in scene.fleet.methods()


def test_a_host_that_does_not_answer_blocks(scene: Scene) -> None:
    scene.add_host("kvm-c")
    guest = off_guest(scene)
    scene.fleet["kvm-c"].silent = True
    blocked = scene.run(offline(scene, guest))
    assert (blocked.state, blocked_by(blocked)) == (State.BLOCKED, {"runs_nowhere"})


def test_another_machine_at_a_hosts_address_has_not_answered(scene: Scene) -> None:
    scene.add_host("kvm-c")
    scene.fleet["kvm-c"].uuid = "00000000-0000-4000-8000-00000000dead"
    assert blocked_by(scene.run(offline(scene, off_guest(scene)))) == {"runs_nowhere"}


def test_a_vm_that_runs_on_a_third_host_blocks(scene: Scene) -> None:
    scene.add_host("kvm-c")
    guest = off_guest(scene)
    scene.fleet["kvm-c"].add(FakeGuest(guest.definition))
    assert blocked_by(scene.run(offline(scene, guest))) == {"runs_nowhere"}


def test_a_saved_state_is_never_left_behind(scene: Scene) -> None:
    blocked = scene.run(offline(scene, off_guest(scene, managed_save=True)))
    assert (blocked.state, blocked_by(blocked)) == (State.BLOCKED, {"saved_state"})
    assert "migrate" not in scene.fleet.methods()


def test_disks_on_local_storage_block(scene: Scene) -> None:
    guest = scene.add_local_guest(state=RunState.SHUTOFF, reason="shutdown")
    assert "disks_reachable" in blocked_by(scene.run(offline(scene, guest)))


@pytest.mark.parametrize(
    ("ending", "state", "text"),
    [
        (Ending.ROLLED_BACK, State.FAILED, "web-01 is shut off on kvm-a. The migration failed."),
        (Ending.SAYS_DONE_SOURCE_RUNS, State.FAILED, "web-01 is shut off on kvm-a. The migration failed."),
        (
            Ending.SAYS_FAILED_BUT_DONE,
            State.DONE,
            "web-01 is shut off on kvm-b. libvirt reported an error, but both hosts agree that the VM has migrated.",
        ),
    ],
)
def test_what_the_hosts_have_decides(scene: Scene, ending: Ending, state: State, text: str) -> None:
    guest = off_guest(scene)
    scene.script(guest, ending=ending)
    ended = scene.run(offline(scene, guest))
    assert (ended.state, ended.state_text) == (state, text)


def hanging(scene: Scene, monkeypatch: pytest.MonkeyPatch, ending: Ending) -> tuple[Migration, Move, threading.Thread]:
    """libvirt's call does not end, and a user was told so."""
    monkeypatch.setattr(patience, "CALL_S", 0.2)
    guest = off_guest(scene)
    move = scene.script(guest, ending=ending)
    move.go_on.clear()
    migration = offline(scene, guest, start_after=True)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.NEEDS_ATTENTION))
    return fresh(migration), move, worker


@pytest.mark.parametrize(
    ("ending", "state", "text"),
    [
        (Ending.ROLLED_BACK, State.FAILED, "web-01 is shut off on kvm-a. The migration failed."),
        (Ending.DONE, State.NEEDS_ATTENTION, "web-01 is shut off on kvm-b, where it was to be started."),
    ],
)
def test_the_end_of_a_call_that_hung_is_heard(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, ending: Ending, state: State, text: str
) -> None:
    migration, move, worker = hanging(scene, monkeypatch, ending)
    assert "libvirt on kvm-b has not completed its migration" in migration.state_text
    assert "kvmweb hears when the call ends" in migration.error["what_to_do"]
    assert migration.owner
    move.go_on.set()
    worker.join(20)
    ended = fresh(migration)
    assert (ended.state, ended.state_text) == (state, text)
    assert "start" not in scene.fleet.methods()
    assert not ended.terminal or not ended.error["what_to_do"].startswith("Look at libvirt's log")


def test_an_adopter_does_not_take_a_call_that_hangs_for_over(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer, "SETTLES_SECONDS", 0.5)
    migration, move, worker = hanging(scene, monkeypatch, Ending.DONE)
    Migration.objects.filter(pk=migration.pk).update(owner="", epoch=migration.epoch + 1)  # its worker is lost
    worker.join(20)
    again = scene.adopt(migration)
    assert (again.state, again.state_text) == (State.NEEDS_ATTENTION, migration.state_text)
    assert "close this migration as an admin" in again.error["what_to_do"]
    move.go_on.set()
    eventually(lambda: scene.fleet["kvm-b"].guests)
    scene.fleet["kvm-b"].guests[str(migration.guest_id)].state = RunState.RUNNING
    assert scene.adopt(again).state == State.DONE


def test_two_definitions_need_a_user_and_are_done_when_one_is_gone(scene: Scene) -> None:
    guest = off_guest(scene)
    scene.script(guest, ending=Ending.CONFIRM_LOST)
    migration = scene.run(offline(scene, guest, start_after=True))
    assert migration.state == State.NEEDS_ATTENTION
    uuid = guest.definition.uuid
    assert f"On kvm-a run: virsh undefine {uuid} --keep-nvram" in migration.error["what_to_do"]
    del scene.fleet["kvm-a"].guests[uuid]
    again = scene.adopt(migration)
    assert (again.state, again.state_text) == (
        State.NEEDS_ATTENTION,
        "web-01 is shut off on kvm-b, where it was to be started.",
    )
    assert f"On kvm-b run: virsh start {uuid}" in again.error["what_to_do"]
    assert "start" not in scene.fleet.methods()
    scene.fleet["kvm-b"].guests[uuid].state = RunState.RUNNING
    assert scene.adopt(again).state == State.DONE


def test_it_is_started_nowhere_while_a_host_is_silent(scene: Scene) -> None:
    scene.add_host("kvm-c")
    guest = off_guest(scene)
    move = scene.script(guest)
    move.go_on.clear()
    migration = offline(scene, guest, start_after=True)
    worker = scene.in_background(scene.run, migration)
    eventually(lambda: "migrate" in scene.fleet.methods())
    scene.fleet["kvm-c"].silent = True
    move.go_on.set()
    worker.join(20)
    ended = fresh(migration)
    assert (ended.state, ended.state_text) == (
        State.NEEDS_ATTENTION,
        "web-01 is shut off on kvm-b, where it was to be started.",
    )
    uuid = guest.definition.uuid
    assert f"on kvm-c run: virsh domstate {uuid}" in ended.error["cause"]
    assert f"On kvm-b run: virsh start {uuid}" in ended.error["what_to_do"]
    assert "start" not in scene.fleet.methods()
    before = ended.error
    scene.fleet["kvm-c"].silent = False
    again = scene.adopt(ended)  # nothing is started by itself any more
    assert (again.state, again.error, "start" in scene.fleet.methods()) == (State.NEEDS_ATTENTION, before, False)
    scene.fleet["kvm-b"].guests[uuid].state = RunState.RUNNING
    assert scene.adopt(again).state == State.DONE


def test_a_start_that_libvirt_refuses_needs_a_user(scene: Scene) -> None:
    guest = off_guest(scene)
    scene.fleet["kvm-b"].fail("start", GatewayError("Cannot access storage file", code=38, domain=18))
    ended = scene.run(offline(scene, guest, start_after=True))
    assert ended.state == State.NEEDS_ATTENTION
    assert "Cannot access storage file" in ended.error["cause"]
    assert scene.fleet.methods().count("start") == 1


def test_a_start_that_is_not_answered_in_time_may_still_happen(scene: Scene) -> None:
    guest = off_guest(scene)
    scene.fleet["kvm-b"].fail("start", GatewayError("no answer", code=68))
    ended = scene.run(offline(scene, guest, start_after=True))
    assert ended.state == State.NEEDS_ATTENTION
    assert ended.error["cause"] == "libvirt on kvm-b has not answered the start yet; it may still start the VM."
    scene.fleet["kvm-b"].guests[guest.definition.uuid].state = RunState.RUNNING
    assert scene.adopt(ended).state == State.DONE
    assert scene.fleet.methods().count("start") == 1


def test_a_cancel_before_the_call_leaves_everything(scene: Scene, operator: Any) -> None:
    guest = off_guest(scene)
    migration = offline(scene, guest)
    give_order(migration, CANCEL, by=operator)
    assert fresh(migration).state == State.CANCELLED
    assert scene.run(migration).state == State.CANCELLED
    assert "migrate" not in scene.fleet.methods()


def test_a_cancel_during_the_call_comes_too_late_and_nothing_is_started(scene: Scene, operator: Any) -> None:
    guest = off_guest(scene)
    move = scene.script(guest)
    move.go_on.clear()
    migration = offline(scene, guest, start_after=True)
    worker = scene.in_background(scene.run, migration)
    eventually(lambda: "migrate" in scene.fleet.methods())
    give_order(migration, CANCEL, by=operator)
    move.go_on.set()
    worker.join(20)
    ended = fresh(migration)
    assert ended.state == State.DONE
    assert ended.state_text == (
        "web-01 is shut off on kvm-b. The cancel came too late. Because of it, kvmweb did not start the VM."
    )
    assert "start" not in scene.fleet.methods()


# --- a worker that was killed -------------------------------------------------------------------------------------


def killed(scene: Scene, guest: FakeGuest, state: State, **fields: Any) -> Migration:
    """The row as a killed worker leaves it."""
    migration = offline(scene, guest, start_after=True)
    record = {"call_made": True, "was_persistent": True, "was_paused": False, "source_autostart": False}
    Migration.objects.filter(pk=migration.pk).update(state=state, **(record | fields))
    return fresh(migration)


def arrived(scene: Scene, guest: FakeGuest) -> FakeGuest:
    del scene.fleet["kvm-a"].guests[guest.definition.uuid]
    return scene.fleet["kvm-b"].add(guest)


def test_killed_before_the_call(scene: Scene) -> None:
    guest = off_guest(scene)
    ended = scene.adopt(killed(scene, guest, State.STARTING, call_made=False))
    assert ended.state == State.FAILED
    assert ended.error["cause"] == "The worker ended before it asked libvirt to migrate the VM."


def test_killed_after_the_definition_arrived(scene: Scene) -> None:
    guest = arrived(scene, off_guest(scene))
    ended = scene.adopt(killed_there(scene, guest, State.STARTING))
    assert (ended.state, ended.state_text) == (State.DONE, "web-01 runs on kvm-b.")
    assert scene.fleet.methods().count("start") == 1


def test_killed_after_the_start(scene: Scene) -> None:
    guest = arrived(scene, off_guest(scene))
    guest.state, guest.reason = RunState.RUNNING, "booted"
    step = Written(step=START_GUEST, about={"host": "kvm-b"}, state=StepState.DONE)
    ended = scene.adopt(killed_there(scene, guest, State.ARRIVING, steps=[step.as_json()]))
    assert (ended.state, ended.state_text) == (State.DONE, "web-01 runs on kvm-b.")
    assert "start" not in scene.fleet.methods()


def test_killed_during_the_start_it_is_not_started_a_second_time(scene: Scene) -> None:
    guest = arrived(scene, off_guest(scene))
    step = Written(step=START_GUEST, about={"host": "kvm-b"})
    ended = scene.adopt(killed_there(scene, guest, State.ARRIVING, steps=[step.as_json()]))
    assert ended.state == State.NEEDS_ATTENTION
    assert ended.error["cause"] == "kvmweb has begun to start it on kvm-b, and does not see it running."
    assert "start" not in scene.fleet.methods()


def killed_there(scene: Scene, guest: FakeGuest, state: State, **fields: Any) -> Migration:
    return killed(scene, guest, state, **fields)


def test_a_vm_that_somebody_starts_at_the_source_is_not_started_again(scene: Scene) -> None:
    guest = off_guest(scene)
    move = scene.script(guest, ending=Ending.ROLLED_BACK)
    move.go_on.clear()
    migration = offline(scene, guest, start_after=True)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.STARTING))
    eventually(lambda: "migrate" in scene.fleet.methods())
    guest.state, guest.reason = RunState.RUNNING, "booted"
    move.go_on.set()
    worker.join(20)
    ended = fresh(migration)
    assert (ended.state, ended.state_text) == (State.FAILED, "web-01 runs on kvm-a. The migration failed.")
    assert "The VM was started during the migration." in ended.error["cause"]
    assert "start" not in scene.fleet.methods()
