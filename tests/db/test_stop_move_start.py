"""A VM is shut down, sent as a definition and started on the destination, over fake hosts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from hosts.facts.guest import RunState
from hosts.gateway.port import GatewayError
from kvmweb.steps import StepState, Written
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.orders.cancel import ORDER as CANCEL
from migrations_app.domain.outcome import patience
from migrations_app.domain.request import make_request
from migrations_app.models import Migration
from migrations_app.models.migration import SHUT_DOWN, START_AGAIN, START_GUEST
from migrations_app.usecases.errors import RequestRefused
from migrations_app.usecases.give_order import give_order
from migrations_app.usecases.request_migration import request_migration
from migrations_app.worker.watch import observer
from migrations_app.worker.watch.sending import SendingWatch
from tests.db.moving import Scene, as_xml, eventually, fresh, in_state, said, states
from tests.fakes.gateway import FakeConnection
from tests.fakes.guests import IMAGES, Ending, FakeGuest


def stop(scene: Scene, guest: FakeGuest, **options: Any) -> Migration:
    return scene.request(guest, kind=Kind.STOP_MOVE_START, **options)


def short(scene: Scene, guest: FakeGuest) -> Migration:
    """Its patience is over as soon as it was asked."""
    migration = stop(scene, guest)
    options = fresh(migration).options | {"shutdown_patience_s": 0}
    Migration.objects.filter(pk=migration.pk).update(options=options)
    return migration


def off(guest: FakeGuest, reason: str = "shutdown") -> None:
    guest.state, guest.reason = RunState.SHUTOFF, reason


def test_it_shuts_down_migrates_and_starts(scene: Scene) -> None:
    guest = scene.add_guest(autostart=True)
    done = scene.run(stop(scene, guest))
    assert (done.state, done.state_text) == (State.DONE, "web-01 runs on kvm-b.")
    been = [state for state in states(done) if state not in ("shutting_down", "verifying")]
    assert been == ["requested", "checking", "starting", "switching_over", "arriving", "done"]
    methods = scene.fleet.methods()
    assert methods.index("shut_down") < methods.index("migrate") < methods.index("start")
    (call,) = [call.arguments[0] for call in scene.fleet.calls if call.method == "migrate"]
    assert call.offline
    uuid = guest.definition.uuid
    assert uuid not in scene.fleet["kvm-a"].guests
    there = scene.fleet["kvm-b"].guests[uuid]
    assert (there.state, there.autostart) == (RunState.RUNNING, True)
    assert done.downtime_ms is not None
    assert done.forecast["downtime_high_ms"] == 240_000
    assert "web-01 was started on kvm-b." in said(done)


def test_it_is_waited_for_while_it_shuts_down(scene: Scene) -> None:
    guest = scene.add_guest(obeys=False)
    migration = stop(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.SHUTTING_DOWN))
    assert fresh(migration).state_text == (
        "web-01 runs on kvm-a, where it was asked to shut down. kvmweb waits up to 180 s for that."
    )
    off(guest)
    worker.join(20)
    done = fresh(migration)
    assert (done.state, done.state_text) == (State.DONE, "web-01 runs on kvm-b.")
    assert "shutting_down" in states(done)
    assert scene.fleet.methods().count("shut_down") == 1


def test_one_that_is_off_before_kvmweb_asks_whether_it_was_restarted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look at it is seconds old when the destination was silent meanwhile."""
    guest = scene.add_guest(obeys=False)
    migration, number = stop(scene, guest), FakeConnection.run_number

    def off_by_then(connection: FakeConnection, uuid: str) -> int:
        if fresh(migration).state == State.SHUTTING_DOWN:
            off(guest)
        return number(connection, uuid)

    monkeypatch.setattr(FakeConnection, "run_number", off_by_then)
    done = scene.run(migration)
    assert (done.state, done.state_text) == (State.DONE, "web-01 runs on kvm-b.")


def test_the_next_one_is_foreseen_by_what_was_measured(scene: Scene) -> None:
    first = scene.run(stop(scene, scene.add_guest()))
    later = scene.run(stop(scene, scene.add_guest("web-02")))
    assert later.forecast["runs"] == 1
    assert later.forecast["downtime_low_ms"] == later.forecast["downtime_high_ms"] == first.downtime_ms


def test_it_needs_the_name_of_the_vm(scene: Scene) -> None:
    guest = scene.add_guest()
    wanted = make_request(
        guest=guest.definition.uuid, target=scene.hosts["kvm-b"].pk, kind=Kind.STOP_MOVE_START, options={}
    )
    for confirm in ("", "yes", "web-02"):
        with pytest.raises(RequestRefused) as refused:
            request_migration(by=scene.operator, request=wanted, confirm=confirm)
        assert refused.value.field == "confirm"
        assert "shut down on kvm-a and started on kvm-b" in refused.value.message
        assert "5 s to 4 min" in refused.value.message
    assert not Migration.objects.exists()
    assert request_migration(by=scene.operator, request=wanted, confirm="web-01")[1]


def test_one_that_does_not_shut_down_runs_on(scene: Scene) -> None:
    guest = scene.add_guest(obeys=False)
    failed = scene.run(short(scene, guest))
    assert failed.state == State.FAILED
    assert failed.state_text == (
        "web-01 runs on kvm-a. The migration failed. It was asked to shut down and may still do so: kvmweb does not"
        " start it then."
    )
    assert failed.error["cause"] == "web-01 did not shut down within 0 s."
    assert not {"migrate", "start", "suspend"} & set(scene.fleet.methods())


def test_a_refused_shutdown_touches_nothing(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.fleet["kvm-a"].fail("shut_down", GatewayError("no agent, and no ACPI", code=55))
    failed = scene.run(stop(scene, guest))
    assert failed.state == State.FAILED
    assert failed.state_text == (
        "web-01 was not touched. libvirt on kvm-a did not ask the VM to shut down: no agent, and no ACPI"
    )
    assert (failed.steps, guest.state) == ([], RunState.RUNNING)


def test_a_shutdown_that_is_not_answered_may_still_happen(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.fleet["kvm-a"].fail("shut_down", GatewayError("no answer", code=68))
    done = scene.run(stop(scene, guest))  # asked once more, after looking
    assert done.state == State.DONE
    assert scene.fleet.methods().count("shut_down") == 2


@pytest.mark.parametrize("ending", [Ending.ROLLED_BACK, Ending.SAYS_DONE_SOURCE_RUNS])
def test_one_that_did_not_migrate_is_started_again(scene: Scene, ending: Ending) -> None:
    guest = scene.add_guest()
    scene.script(guest, ending=ending)
    failed = scene.run(stop(scene, guest))
    assert (failed.state, failed.state_text) == (
        State.FAILED,
        "web-01 runs on kvm-a again. The migration failed.",
    )
    assert [call.host for call in scene.fleet.calls if call.method == "start"] == ["kvm-a"]
    assert "web-01 was started again on kvm-a." in said(failed)


def test_it_is_started_nowhere_while_the_destination_is_silent(scene: Scene) -> None:
    guest = scene.add_guest(obeys=False)
    migration = stop(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.SHUTTING_DOWN))
    scene.fleet["kvm-b"].silent = True
    off(guest)
    worker.join(20)
    ended = fresh(migration)
    assert (ended.state, ended.state_text) == (
        State.NEEDS_ATTENTION,
        "web-01 is shut off on kvm-a; kvmweb cannot tell what kvm-b has. kvm-b is not reachable.",
    )
    uuid = guest.definition.uuid
    assert f"powered off, then start it on kvm-a: On kvm-a run: virsh start {uuid}" in ended.error["what_to_do"]
    scene.fleet["kvm-b"].silent = False
    again = scene.adopt(ended)
    assert (again.state, again.state_text) == (
        State.NEEDS_ATTENTION,
        "web-01 is shut off on kvm-a. It did not migrate.",
    )
    assert not {"migrate", "start"} & set(scene.fleet.methods())
    guest.state, guest.run = RunState.RUNNING, 2
    ended = scene.adopt(again)
    assert (ended.state, ended.state_text) == (
        State.FAILED,
        "web-01 runs on kvm-a, where it was started again. The migration failed.",
    )


def test_after_a_call_that_hung_it_is_started_nowhere(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "CALL_S", 0.2)
    monkeypatch.setattr(observer, "SETTLES_SECONDS", 0.5)
    guest = scene.add_guest()
    move = scene.script(guest, ending=Ending.ROLLED_BACK)
    move.go_on.clear()
    migration = stop(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.NEEDS_ATTENTION))
    assert "libvirt on kvm-b has not completed its migration" in fresh(migration).state_text
    move.go_on.set()
    worker.join(20)
    ended = fresh(migration)
    told = (State.NEEDS_ATTENTION, "web-01 is shut off on kvm-a. It did not migrate.")
    assert (ended.state, ended.state_text) == told
    again = scene.adopt(ended)  # its end was heard
    assert (again.state, again.state_text) == told
    assert "start" not in scene.fleet.methods()
    guest.state, guest.run = RunState.RUNNING, 2
    assert scene.adopt(again).state == State.FAILED


def test_it_is_not_started_again_while_a_third_host_is_silent(scene: Scene) -> None:
    scene.add_host("kvm-c")
    guest = scene.add_guest()
    move = scene.script(guest, ending=Ending.ROLLED_BACK)
    move.go_on.clear()
    migration = stop(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(lambda: "migrate" in scene.fleet.methods())
    scene.fleet["kvm-c"].silent = True
    move.go_on.set()
    worker.join(20)
    ended = fresh(migration)
    assert (ended.state, ended.state_text) == (
        State.NEEDS_ATTENTION,
        "web-01 is shut off on kvm-a. It did not migrate.",
    )
    assert "kvm-c is not reachable" in ended.error["cause"]
    scene.fleet["kvm-c"].silent = False
    again = scene.adopt(ended)  # nothing is started by itself any more, and the reason stays
    assert (again.state, again.error) == (State.NEEDS_ATTENTION, ended.error)
    assert "start" not in scene.fleet.methods()


def test_a_start_that_the_destination_refuses_needs_a_user(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.fleet["kvm-b"].fail("start", GatewayError("device 0000:01:00.0 not found", code=38))
    ended = scene.run(stop(scene, guest))
    assert (ended.state, ended.state_text) == (
        State.NEEDS_ATTENTION,
        "web-01 is shut off on kvm-b, where it was to be started.",
    )
    assert "device 0000:01:00.0 not found" in ended.error["cause"]
    assert scene.fleet.methods().count("start") == 1


# --- what somebody else does meanwhile ----------------------------------------------------------------------------


def while_it_shuts_down(scene: Scene, guest: FakeGuest, do: Any) -> Migration:
    migration = stop(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.SHUTTING_DOWN))
    do()
    worker.join(20)
    return fresh(migration)


def test_one_that_is_started_by_hand_on_the_source(scene: Scene) -> None:
    guest = scene.add_guest(obeys=False)

    def restart() -> None:
        guest.run = 2

    failed = while_it_shuts_down(scene, guest, restart)
    assert (failed.state, failed.state_text) == (
        State.FAILED,
        "web-01 runs on kvm-a, where it was started again. The migration failed.",
    )
    assert failed.error["cause"] == "It was started on the source before its definition migrated."
    assert not {"migrate", "start"} & set(scene.fleet.methods())


def test_saved_memory_is_never_left_behind(scene: Scene) -> None:
    guest = scene.add_guest(obeys=False)

    def save() -> None:
        guest.managed_save = True
        off(guest, "saved")

    ended = while_it_shuts_down(scene, guest, save)
    assert ended.state == State.NEEDS_ATTENTION
    assert "Somebody saved its memory (managed save)" in ended.state_text
    assert not {"migrate", "start"} & set(scene.fleet.methods())


def test_one_that_is_off_twice_is_never_started_twice(scene: Scene) -> None:
    """Somebody migrates and starts it by hand."""
    guest = scene.add_guest(obeys=False)

    def take() -> None:
        del scene.fleet["kvm-a"].guests[guest.definition.uuid]
        guest.run = 2
        scene.fleet["kvm-b"].add(guest)

    done = while_it_shuts_down(scene, guest, take)
    assert (done.state, done.state_text) == (State.DONE, "web-01 runs on kvm-b. kvmweb did not start it there.")
    assert not {"migrate", "start"} & set(scene.fleet.methods())


def test_a_definition_that_somebody_edits_meanwhile_is_not_sent(scene: Scene) -> None:
    guest = scene.add_guest(obeys=False)
    guest.xml = as_xml(guest)

    def edit() -> None:
        disks = (replace(guest.definition.disks[0], path=f"{IMAGES}/other.qcow2"),)
        guest.definition = replace(guest.definition, disks=disks)
        off(guest)

    failed = while_it_shuts_down(scene, guest, edit)
    assert (failed.state, failed.state_text) == (State.FAILED, "web-01 runs on kvm-a again. The migration failed.")
    assert failed.error["cause"] == "Somebody changed the definition of web-01 since it was checked: disk vda."
    assert "migrate" not in scene.fleet.methods()


def test_a_definition_that_nobody_edits_is_sent(scene: Scene) -> None:
    """The running VM has another one, which is not compared."""
    guest = scene.add_guest()
    guest.xml, guest.saved = as_xml(guest), guest.definition
    live = replace(guest.definition.disks[0], backing=(f"{IMAGES}/base.qcow2",))
    guest.definition = replace(guest.definition, disks=(live,))
    assert scene.run(stop(scene, guest)).state == State.DONE


def test_a_definition_that_somebody_else_moved_is_not_started(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its UEFI variables and the state of its TPM stay where they were."""
    monkeypatch.setattr(patience, "HANDOVER_S", 0.2)
    guest = scene.add_guest(obeys=False)

    def take() -> None:
        off(guest)
        uuid = guest.definition.uuid
        scene.fleet["kvm-b"].add(guest)
        del scene.fleet["kvm-a"].guests[uuid]

    monkeypatch.setattr(SendingWatch, "_send", lambda *_: False)
    ended = while_it_shuts_down(scene, guest, take)
    assert (ended.state, ended.state_text) == (
        State.NEEDS_ATTENTION,
        "web-01 is defined on kvm-b, but kvmweb did not send it.",
    )
    assert "UEFI variables and the state of its TPM may be missing on kvm-b" in ended.error["what_to_do"]
    assert not {"migrate", "start"} & set(scene.fleet.methods())
    guest.state = RunState.RUNNING
    assert scene.adopt(ended).state == State.DONE


# --- cancel -------------------------------------------------------------------------------------------------------


def test_a_cancel_starts_it_again_if_it_shuts_down(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest(obeys=False)
    migration = stop(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.SHUTTING_DOWN))
    give_order(migration, CANCEL, by=operator)
    eventually(lambda: "Because of the cancel it is started again on kvm-a" in fresh(migration).state_text)
    off(guest)
    worker.join(20)
    ended = fresh(migration)
    assert (ended.state, ended.state_text) == (
        State.CANCELLED,
        "web-01 runs on kvm-a again. The migration was cancelled.",
    )
    assert "migrate" not in scene.fleet.methods()


def test_a_cancel_of_one_that_does_not_shut_down(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest(obeys=False)
    migration = stop(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.SHUTTING_DOWN))
    give_order(migration, CANCEL, by=operator)
    Migration.objects.filter(pk=migration.pk).update(shutdown_asked_at=timezone.now() - timedelta(hours=1))
    worker.join(0.5)
    Migration.objects.filter(pk=migration.pk).update(owner="", epoch=fresh(migration).epoch + 1)  # its worker is lost
    worker.join(20)
    ended = scene.adopt(migration)
    assert (ended.state, ended.state_text) == (
        State.CANCELLED,
        "web-01 runs on kvm-a. The migration was cancelled. It was asked to shut down and may still do so: kvmweb does"
        " not start it then.",
    )


# --- a worker that was killed -------------------------------------------------------------------------------------


def killed(scene: Scene, guest: FakeGuest, state: State, *steps: Written, **fields: Any) -> Migration:
    """The row as a killed worker leaves it."""
    migration = stop(scene, guest)
    now = timezone.now()
    record = {
        "was_persistent": True,
        "was_paused": False,
        "source_autostart": False,
        "source_run": 1,
        "shutdown_asked_at": now if steps else None,
        "steps": [step.as_json() for step in steps],
    }
    Migration.objects.filter(pk=migration.pk).update(state=state, **(record | fields))
    return fresh(migration)


BEGUN = Written(step=SHUT_DOWN, about={"host": "kvm-a", "helper": "auto"})
ASKED = Written(step=SHUT_DOWN, about=BEGUN.about, state=StepState.DONE)


def test_killed_before_it_was_asked(scene: Scene) -> None:
    guest = scene.add_guest()
    ended = scene.adopt(killed(scene, guest, State.STARTING))
    assert (ended.state, ended.state_text) == (State.FAILED, "web-01 runs on kvm-a. The migration failed.")
    assert ended.error["cause"] == "The worker ended before it asked the VM to shut down."
    assert "shut_down" not in scene.fleet.methods()


def test_killed_while_it_asked(scene: Scene) -> None:
    guest = scene.add_guest()
    ended = scene.adopt(killed(scene, guest, State.STARTING, BEGUN))
    assert (ended.state, ended.state_text) == (State.DONE, "web-01 runs on kvm-b.")
    assert scene.fleet.methods().count("shut_down") == 1


def test_killed_while_it_shut_down(scene: Scene) -> None:
    guest = scene.add_guest()
    off(guest)
    ended = scene.adopt(killed(scene, guest, State.SHUTTING_DOWN, ASKED))
    assert (ended.state, ended.state_text) == (State.DONE, "web-01 runs on kvm-b.")
    assert "shut_down" not in scene.fleet.methods()


def test_killed_before_the_definition_was_sent_it_is_started_again(scene: Scene) -> None:
    guest = scene.add_guest()
    off(guest)
    migration = killed(scene, guest, State.SWITCHING_OVER, ASKED, call_made=True, off_since=timezone.now())
    ended = scene.adopt(migration)
    assert (ended.state, ended.state_text) == (
        State.FAILED,
        "web-01 runs on kvm-a again. The migration failed.",
    )
    assert "migrate" not in scene.fleet.methods()


def arrived(scene: Scene, guest: FakeGuest) -> FakeGuest:
    off(guest)
    del scene.fleet["kvm-a"].guests[guest.definition.uuid]
    return scene.fleet["kvm-b"].add(guest)


SENT: dict[str, Any] = {"call_made": True}


def test_killed_after_the_definition_arrived(scene: Scene) -> None:
    guest = arrived(scene, scene.add_guest())
    ended = scene.adopt(killed(scene, guest, State.SWITCHING_OVER, ASKED, **SENT))
    assert (ended.state, ended.state_text) == (State.DONE, "web-01 runs on kvm-b.")
    assert scene.fleet.methods().count("start") == 1


def test_killed_during_the_start_it_is_not_started_a_second_time(scene: Scene) -> None:
    guest = arrived(scene, scene.add_guest())
    start = Written(step=START_GUEST, about={"host": "kvm-b"})
    ended = scene.adopt(killed(scene, guest, State.ARRIVING, ASKED, start, **SENT))
    assert ended.state == State.NEEDS_ATTENTION
    assert "start" not in scene.fleet.methods()
    guest.state = RunState.RUNNING
    assert scene.adopt(ended).state == State.DONE


def test_killed_during_the_start_on_the_source(scene: Scene) -> None:
    guest = scene.add_guest()
    off(guest)
    start = Written(step=START_AGAIN, about={"host": "kvm-a"})
    ended = scene.adopt(killed(scene, guest, State.VERIFYING, ASKED, start, **SENT))
    assert ended.state == State.NEEDS_ATTENTION
    assert ended.error["cause"] == "kvmweb has begun to start it on kvm-a, and does not see it running."
    assert "start" not in scene.fleet.methods()
