"""How a migration ends: what both hosts say decides, whatever libvirt's call returned."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from hosts.calls.steer import LimitDowntime
from hosts.facts.guest import RunState
from hosts.facts.storage import VolumeIdentity
from hosts.gateway.port import GatewayError, Refused
from hosts.models import Host
from kvmweb.journal.models import Entry, EntryKind
from kvmweb.steps import StepState, Written
from migrations_app.domain import progress
from migrations_app.domain.lifecycle import TERMINAL, State
from migrations_app.models import Migration
from migrations_app.usecases.errors import AlreadyMoving
from migrations_app.usecases.give_order import cancel_migration
from migrations_app.worker.steps.make_volume import MakeVolume
from tests.db.moving import LOCAL, Scene, eventually, fresh, in_state, said, states, volume
from tests.fakes.guests import Ending, job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


def test_a_migration_goes_all_the_way_and_says_what_it_took(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.script(guest, pace=0.05)
    done = scene.run(scene.request(guest))
    assert (done.state, done.error) == (State.DONE, {})
    assert done.state_text == "web-01 runs on kvm-b."
    assert done.downtime_ms == 42
    assert done.progress["allowed_downtime_ms"] == 300  # as libvirt has it when nobody asks for another
    assert done.progress["percent"] == 100
    assert set(done.timings) == {"dispatch", "connect", "facts", "transfer", "verify"}
    assert all(seconds >= 0 for seconds in done.timings.values())
    assert (done.owner, done.owner_pid) == ("", None)
    assert done.finished_at >= done.started_at >= done.requested_at
    way = states(done)
    assert way[:3] == ["requested", "checking", "starting"]
    assert way[-2:] == ["verifying", "done"]
    assert guest.definition.uuid not in scene.fleet["kvm-a"].guests


def test_progress_rows_never_run_backwards_nor_reach_100_before_the_end(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.script(guest, jobs=[job(1000), job(200), job(900), job(100), job(0)], pace=0.06)
    done = scene.run(scene.request(guest))
    rows = Entry.objects.filter(kind=EntryKind.PROGRESS).order_by("id")
    percents = [row.body["percent"] for row in rows if row.body["percent"] is not None]
    assert len(percents) >= 3
    assert percents == sorted(percents)
    assert percents[-1] < 100
    assert done.progress["percent"] == 100
    assert all(row.body["owner"] for row in rows)


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        (Ending.ROLLED_BACK, State.FAILED),
        (Ending.SAYS_DONE_SOURCE_RUNS, State.FAILED),
        (Ending.SAYS_DONE_NOWHERE, State.NEEDS_ATTENTION),
        (Ending.SAYS_FAILED_BUT_DONE, State.DONE),
        (Ending.CONFIRM_LOST, State.NEEDS_ATTENTION),
        (Ending.SPLIT, State.NEEDS_ATTENTION),
    ],
)
def test_the_hosts_decide_and_not_the_return_of_the_call(scene: Scene, ending: Ending, state: State) -> None:
    guest = scene.add_guest()
    scene.script(guest, ending=ending)
    end = scene.run(scene.request(guest))
    assert end.state == state, end.state_text
    if state is not State.DONE:
        assert "done" not in states(end)
        assert end.progress.get("percent") != 100
        assert end.error["cause"]


def test_success_without_the_guest_at_the_destination_names_the_contradiction(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.script(guest, ending=Ending.SAYS_DONE_SOURCE_RUNS)
    end = scene.run(scene.request(guest))
    assert end.state_text == "web-01 runs on kvm-a, where it was before. The migration failed."
    assert end.error["cause"] == "libvirt reported that the migration was finished, but kvm-b does not have the VM."


def test_an_error_with_the_guest_there_keeps_libvirts_words(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.script(guest, ending=Ending.SAYS_FAILED_BUT_DONE, error=GatewayError("Unable to write to socket", code=9))
    end = scene.run(scene.request(guest))
    assert "both hosts agree that the VM has migrated" in end.state_text
    assert end.error["libvirt"] == "Unable to write to socket"
    assert "A connection broke" in end.error["cause"]


def test_a_silent_destination_is_neither_done_nor_failed_and_is_judged_when_it_is_back(scene: Scene) -> None:
    guest = scene.add_guest()
    move = scene.script(guest)
    move.go_on.clear()
    migration = scene.request(guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    scene.fleet["kvm-b"].silent = True
    move.go_on.set()
    eventually(in_state(migration, State.NEEDS_ATTENTION))
    worker.join(10)
    waiting = fresh(migration)
    assert not set(states(waiting)) & TERMINAL
    assert "kvm-b is not reachable" in waiting.state_text
    assert scene.adopt(migration).state == State.NEEDS_ATTENTION
    scene.fleet["kvm-b"].silent = False
    assert scene.adopt(migration).state == State.DONE


def test_what_needs_attention_keeps_the_guest_locked_until_somebody_has_cleared_it_up(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.script(guest, ending=Ending.SPLIT)
    migration = scene.request(guest)
    assert scene.run(migration).state == State.NEEDS_ATTENTION
    assert "virsh" in fresh(migration).error["what_to_do"]
    with pytest.raises(AlreadyMoving):
        scene.request(guest)
    del scene.fleet["kvm-a"].guests[guest.definition.uuid]  # a person did what the words said
    assert scene.adopt(migration).state == State.DONE
    assert scene.fleet.methods().count("migrate") == 1


def test_a_lost_connection_of_the_call_ends_nothing(scene: Scene) -> None:
    guest = scene.add_guest()
    move = scene.script(guest)
    move.go_on.clear()
    migration = scene.request(guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    connects = scene.fleet.methods("kvm-a").count("connect")
    scene.fleet["kvm-a"].silent = True
    eventually(lambda: scene.fleet.methods("kvm-a").count("connect") > connects)
    scene.fleet["kvm-a"].silent = False
    move.go_on.set()
    worker.join(10)
    assert fresh(migration).state == State.DONE


def test_a_cancel_while_it_copies_stops_it_and_sees_the_guest_run_at_home(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    scene.script(guest).go_on.clear()
    migration = scene.request(guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    cancel_migration(fresh(migration), by=operator, reason="wrong host")
    worker.join(10)
    end = fresh(migration)
    assert end.state == State.CANCELLED
    assert end.state_text.startswith("web-01 runs on kvm-a. The migration was cancelled.")
    assert guest.state is RunState.RUNNING
    assert Entry.objects.get(text__contains="asked to cancel the migration").reason == "wrong host"


def test_a_cancel_that_comes_too_late_ends_done_and_says_so(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    move = scene.script(guest, too_late=True)
    move.go_on.clear()
    migration = scene.request(guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    cancel_migration(fresh(migration), by=operator)
    eventually(lambda: "abort" in scene.fleet.methods())
    move.go_on.set()
    worker.join(10)
    end = fresh(migration)
    assert end.state == State.DONE
    assert "The cancel came too late." in end.state_text


def test_a_cancel_from_outside_is_told_as_such(scene: Scene) -> None:
    guest = scene.add_guest()
    move = scene.script(guest)
    move.go_on.clear()
    migration = scene.request(guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    move.aborted.set()
    worker.join(10)
    end = fresh(migration)
    assert end.state == State.CANCELLED
    assert "Somebody cancelled it outside of kvmweb." in end.state_text


def test_a_transient_guest_stays_transient(scene: Scene) -> None:
    guest = scene.add_guest(persistent=False)
    end = scene.run(scene.request(guest))
    call = next(call.arguments[0] for call in scene.fleet.calls if call.method == "migrate")
    assert call.flags == set()
    assert end.state == State.DONE
    assert not scene.fleet["kvm-b"].guests[guest.definition.uuid].persistent


@pytest.mark.parametrize("autostart", [True, False])
def test_autostart_is_at_the_destination_as_it_was_at_the_source(scene: Scene, autostart: bool) -> None:
    guest = scene.add_guest(autostart=autostart)
    assert scene.run(scene.request(guest)).state == State.DONE
    assert scene.fleet["kvm-b"].guests[guest.definition.uuid].autostart is autostart


def test_a_kept_definition_at_the_source_does_not_start_by_itself(scene: Scene) -> None:
    guest = scene.add_guest(autostart=True)
    end = scene.run(scene.request(guest, undefine_source=False))
    assert end.state == State.DONE
    assert "kvm-a keeps its shut-off definition." in end.state_text
    left = scene.fleet["kvm-a"].guests[guest.definition.uuid]
    assert (left.state, left.autostart) == (RunState.SHUTOFF, False)


def test_autostart_that_cannot_be_set_is_told_with_the_command(scene: Scene) -> None:
    guest = scene.add_guest(autostart=True)
    scene.fleet["kvm-b"].fail("set_autostart", Refused("read-only"), times=9)
    end = scene.run(scene.request(guest))
    assert end.state == State.DONE
    assert f"virsh autostart {guest.definition.uuid}" in said(end)


def test_copied_disks_get_volumes_of_their_virtual_size(scene: Scene) -> None:
    guest = scene.add_local_guest(disk_sizes={"vda": 5 * 1024**3})
    end = scene.run(scene.request(guest, copy=True))
    assert end.state == State.DONE, end.state_text
    made = next(call.arguments[0] for call in scene.fleet.calls if call.method == "create_volume")
    assert (made.pool, made.name, made.capacity) == ("default", "db-01.qcow2", 5 * 1024**3)
    assert "delete_volume" not in scene.fleet.methods()


def test_after_a_failure_only_volumes_of_this_migration_are_removed(scene: Scene) -> None:
    guest = scene.add_local_guest()
    other = volume(f"{LOCAL}/other.qcow2", "default")
    scene.fleet["kvm-b"].volumes.append(other)
    scene.script(guest, ending=Ending.ROLLED_BACK)
    end = scene.run(scene.request(guest, copy=True))
    assert (end.state, end.created_volumes) == (State.FAILED, [])
    deleted = [(call.host, call.arguments) for call in scene.fleet.calls if call.method == "delete_volume"]
    assert deleted == [("kvm-b", ("default", "db-01.qcow2"))]
    assert other in scene.fleet["kvm-b"].volumes
    assert any(one.path == f"{LOCAL}/db-01.qcow2" for one in scene.fleet["kvm-a"].volumes)


def test_a_volume_that_we_are_not_sure_to_have_made_is_never_removed(scene: Scene) -> None:
    """A worker died between the intent and the deed: the entry says made=False."""
    guest = scene.add_local_guest()
    move = scene.script(guest, ending=Ending.ROLLED_BACK)
    move.go_on.clear()
    migration = scene.request(guest, copy=True)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY, State.COPYING_DISKS))
    rows = Migration.objects.filter(pk=migration.pk)
    doubtful = [{**step, "state": StepState.BEGUN} for step in fresh(migration).steps]
    rows.update(epoch=99, steps=doubtful)
    worker.join(10)
    move.go_on.set()
    move.over.wait(5)
    rows.update(owner="")
    end = scene.adopt(migration)
    assert end.state == State.FAILED
    assert "delete_volume" not in scene.fleet.methods()
    assert "This may be the VM's own disk. Do not delete it." in said(end)


def test_a_volume_that_cannot_be_removed_is_told_with_the_command(scene: Scene) -> None:
    guest = scene.add_local_guest()
    scene.script(guest, ending=Ending.ROLLED_BACK)
    scene.fleet["kvm-b"].fail("delete_volume", Refused("busy"), times=9)
    end = scene.run(scene.request(guest, copy=True))
    assert end.state == State.FAILED
    assert [entry["name"] for entry in end.created_volumes] == ["db-01.qcow2"]
    assert "virsh vol-delete --pool default db-01.qcow2" in said(end)


def test_the_command_for_a_volume_that_is_left_can_be_pasted() -> None:
    identity = VolumeIdentity(capacity=1, format="raw", file="1:2:3")

    class Refusing:
        def ask(self, _: Any) -> Any:
            return (identity,)

        def do(self, _: Any) -> bool:
            return False

    told: list[str] = []
    about = {"pool": "a pool", "name": "x; reboot", "path": "/p/x; reboot"}
    written = Written(step="make volume", about=about, state=StepState.VERIFIED, evidence=identity.as_json())
    held = SimpleNamespace(row=Migration(target=Host(name="kvm-b")), note=told.append)
    assert not MakeVolume(held=cast("Any", held), host=cast("Any", Refusing()), about=about).undo(written)
    assert told[0].endswith("On kvm-b run: virsh vol-delete --pool 'a pool' 'x; reboot'")


def test_the_longest_downtime_is_set_once_the_job_runs(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.script(guest, pace=0.06)
    done = scene.run(scene.request(guest, max_downtime_ms=120))
    assert (done.state, done.progress["allowed_downtime_ms"]) == (State.DONE, 120)
    set_to = [call.arguments[1] for call in scene.fleet.calls if call.method == "set_limit"]
    assert set_to == [LimitDowntime(120)]


def test_a_copy_that_stands_still_has_no_rate_and_no_time_left(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The migration link was cut: libvirt repeats its last numbers for minutes."""
    monkeypatch.setattr(progress, "STALL_MS", 150)
    monkeypatch.setattr(progress, "SAY_MS", 300)
    guest = scene.add_guest()
    move = scene.script(guest, jobs=[job(500)])
    move.go_on.clear()
    migration = scene.request(guest)
    worker = scene.in_background(scene.run, migration)
    eventually(lambda: fresh(migration).progress.get("rate_bps") == 1000)
    eventually(lambda: fresh(migration).progress.get("no_data_ms"))
    shown = fresh(migration).progress
    assert (shown["rate_bps"], shown["eta_low_ms"], shown["eta_high_ms"]) == (0, None, None)
    eventually(lambda: "No data has been transferred from kvm-a to kvm-b for" in said(migration))
    copied = scene.fleet["kvm-a"].guests[str(migration.guest_id)]
    copied.job = job(490)  # alone this is no proof: libvirt counts something when it gives up a connection
    looks = scene.fleet.methods("kvm-a").count("job")
    eventually(lambda: scene.fleet.methods("kvm-a").count("job") > looks + 2)
    assert fresh(migration).progress["no_data_ms"]
    copied.job = job(300)
    eventually(lambda: fresh(migration).progress["no_data_ms"] is None)
    assert fresh(migration).progress["rate_bps"] == 1000
    eventually(lambda: "Data is transferred again, after" in said(migration))
    assert said(migration).count("No data has been transferred") == 1
    move.go_on.set()
    worker.join(10)
    assert fresh(migration).state == State.DONE


def test_numbers_that_nobody_can_read_any_more_are_not_shown_as_of_now(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "STALL_MS", 150)
    guest = scene.add_guest()
    move = scene.script(guest, jobs=[job(500)])
    move.go_on.clear()
    migration = scene.request(guest)
    worker = scene.in_background(scene.run, migration)
    eventually(lambda: fresh(migration).progress.get("rate_bps"))
    scene.fleet["kvm-a"].fail("job", Refused("QEMU does not answer", code=55), times=10_000)
    eventually(lambda: fresh(migration).progress["rate_bps"] is None)
    shown = fresh(migration).progress
    assert (shown["eta_low_ms"], shown["transferred_bytes"]) == (None, 500)
    scene.fleet["kvm-a"]._faults.clear()
    eventually(
        lambda: fresh(migration).progress["transferred_bytes"] == 500 and fresh(migration).progress["no_data_ms"]
    )
    move.go_on.set()
    worker.join(10)
    assert fresh(migration).state == State.DONE
