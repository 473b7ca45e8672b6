"""What needs a person is looked at again and again: the page says what is true now, and nothing is done to the VM."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from hosts.calls.steer import LimitBandwidth
from hosts.facts.guest import RunState
from hosts.gateway.port import GatewayError, HostUnreachable, Refused
from hosts.models import Host, Sighting
from kvmweb.journal.models import Entry, EntryKind
from kvmweb.queue import Detached
from migrations_app import ledger
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.usecases.give_order import cancel_migration
from migrations_app.worker.mover import Mover
from migrations_app.worker.slots import why_not
from tests.db.moving import LOCAL, Scene, eventually, fresh, in_state, said, states, volume
from tests.fakes import guests as fake_guests
from tests.fakes.gateway import FakeConnection
from tests.fakes.guests import Ending, FakeGuest, Move, job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


def silent_in_the_middle(scene: Scene, guest: FakeGuest, ending: Ending = Ending.DONE) -> Migration:
    """kvm-b stops answering while memory is copied; libvirt continues and ends as `ending` says."""
    move = scene.script(guest, ending=ending)
    move.go_on.clear()
    migration = scene.request(guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    scene.fleet["kvm-b"].silent = True
    move.go_on.set()
    eventually(in_state(migration, State.NEEDS_ATTENTION))
    worker.join(10)
    return fresh(migration)


def test_a_split_brain_that_shows_later_is_told(scene: Scene) -> None:
    migration = silent_in_the_middle(scene, scene.add_guest(), Ending.SPLIT)
    assert "kvmweb cannot tell what kvm-b has" in migration.state_text
    scene.fleet["kvm-b"].silent = False
    told = scene.adopt(migration)
    assert told.state == State.NEEDS_ATTENTION
    assert "at the same time" in told.state_text
    assert "suspend" in told.error["what_to_do"]
    assert told.state_text in said(told)


def test_what_stays_the_same_is_told_once(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.script(guest, ending=Ending.CONFIRM_LOST)
    first = scene.run(scene.request(guest))
    assert "a paused leftover is still on kvm-a" in first.state_text
    went, text = states(first), said(first)
    for _ in range(3):
        again = scene.adopt(first)
        assert (again.state, again.state_text, again.error["what_to_do"]) == (
            State.NEEDS_ATTENTION, first.state_text, first.error["what_to_do"],
        )  # fmt: skip
    assert (states(again), said(again)) == (went, text)


def test_old_advice_does_not_stay_beside_a_good_end(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.script(guest, ending=Ending.SPLIT)
    migration = scene.run(scene.request(guest))
    assert "destroy" in migration.error["what_to_do"]
    del scene.fleet["kvm-a"].guests[guest.definition.uuid]
    said = migration.error["libvirt"]
    end = scene.adopt(migration)
    assert (end.state, end.error["what_to_do"]) == (State.DONE, "")
    assert end.error["libvirt"] == said  # told only to the worker before, and true


def test_a_cancel_does_not_abort_somebody_elses_later_move(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    migration = silent_in_the_middle(scene, guest, Ending.ROLLED_BACK)
    cancel_migration(migration, by=operator)
    rescue = scene.fleet.moves[guest.definition.uuid] = Move()
    rescue.go_on.clear()
    scene.add_host("kvm-c")
    scene.fleet.start_move(guest.definition.uuid, scene.fleet["kvm-a"], scene.fleet["kvm-c"])
    eventually(lambda: guest.job is not None)
    scene.fleet.calls.clear()
    worker = scene.in_background(scene.adopt, migration)
    worker.join(5)
    assert not {"abort", "set_limit"} & set(scene.fleet.methods())
    rescue.go_on.set()
    rescue.over.wait(5)


def test_a_guest_seen_on_a_third_host_is_not_to_be_started(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = scene.add_guest()
    third = scene.add_host("kvm-c")
    start = Mover.start

    def moved_by_hand_before(self: Mover) -> None:
        scene.fleet["kvm-c"].guests[guest.definition.uuid] = scene.fleet["kvm-a"].guests.pop(guest.definition.uuid)
        start(self)

    monkeypatch.setattr(Mover, "start", moved_by_hand_before)
    migration = scene.run(scene.request(guest))
    assert migration.state == State.NEEDS_ATTENTION
    assert "First look on every other host" in migration.error["what_to_do"]
    now = migration.state_since
    Sighting.objects.create(guest=migration.guest, host=third, state=RunState.RUNNING, seen_at=now, state_since=now)
    told = scene.adopt(migration)
    assert "last seen active on kvm-c" in told.state_text
    assert "Do not start it" in told.error["what_to_do"]
    assert "define" not in told.error["what_to_do"]


def test_whoever_answers_at_the_address_of_another_machine_decides_nothing(scene: Scene) -> None:
    guest = scene.add_local_guest()
    move = scene.script(guest)
    move.go_on.clear()
    migration = scene.request(guest, copy=True)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY, State.COPYING_DISKS))
    Migration.objects.filter(pk=migration.pk).update(epoch=50, owner="")
    worker.join(10)
    other = scene.fleet.add("kvm-z")
    other.pools = scene.fleet["kvm-b"].pools
    other.volumes.append(volume(f"{LOCAL}/db-01.qcow2", "default"))
    Host.objects.filter(name="kvm-b").update(address=other.address)
    move.aborted.set()
    move.over.wait(5)
    end = scene.adopt(migration)
    assert end.state == State.NEEDS_ATTENTION
    assert "another machine answers at its address" in end.error["cause"]
    assert "delete_volume" not in scene.fleet.methods()


def test_a_move_that_libvirt_has_not_begun_is_not_given_up_too_early(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libvirt waits up to 30 s for the guest's job; the worker that called died meanwhile."""
    guest = scene.add_local_guest()
    migration = scene.request(guest, copy=True)

    def dies(_: Mover) -> None:
        raise Detached(0)

    monkeypatch.setattr(Mover, "start", dies)
    with pytest.raises(Detached):
        scene.run(migration)
    assert fresh(migration).call_made
    worker = scene.in_background(scene.adopt, migration)
    time.sleep(0.4)
    assert not fresh(migration).terminal
    assert "delete_volume" not in scene.fleet.methods()
    worker.join(10)
    end = fresh(migration)
    assert (end.state, end.error["cause"]) == (State.FAILED, "kvmweb has not seen libvirt begin the migration.")
    assert end.created_volumes == []


def test_a_worker_that_died_before_it_asked_is_told_as_such(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = scene.add_guest()
    migration = scene.request(guest)
    monkeypatch.setattr(Mover, "__init__", lambda *_: (_ for _ in ()).throw(Detached(0)))
    with pytest.raises(Detached):
        scene.run(migration)
    end = scene.adopt(migration)
    assert end.state == State.FAILED
    assert end.error["cause"] == "The worker ended before it asked libvirt to migrate the VM."


def test_a_volume_of_which_nobody_knows_whether_it_was_made_is_not_forgotten(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = scene.add_local_guest()
    create = FakeConnection.create_volume

    def late(self: FakeConnection, spec: Any) -> Any:
        create(self, spec)
        raise GatewayError("kvm-b answers, but not this within 60 s", code=68)

    monkeypatch.setattr(FakeConnection, "create_volume", late)
    end = scene.run(scene.request(guest, copy=True))
    assert end.state == State.FAILED
    assert [(entry["name"], entry["made"]) for entry in end.created_volumes] == [("db-01.qcow2", False)]
    told = f"kvmweb cannot tell whether this migration created {LOCAL}/db-01.qcow2 on kvm-b."
    assert f"{told} This may be the VM's own disk. Do not delete it." in said(end)
    assert "delete_volume" not in scene.fleet.methods()


def test_before_the_call_volumes_go_only_when_the_destination_has_no_such_guest(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's virsh began to copy the same VM to the same place."""
    guest = scene.add_local_guest()
    create = FakeConnection.create_volume

    def and_then(self: FakeConnection, spec: Any) -> Any:
        made = create(self, spec)
        scene.fleet["kvm-b"].add(replace(guest))
        migration.orders.create(what="cancel", asked_at=migration.requested_at)
        return made

    migration = scene.request(guest, copy=True)
    monkeypatch.setattr(FakeConnection, "create_volume", and_then)
    end = scene.run(migration)
    assert end.state == State.CANCELLED
    assert "delete_volume" not in scene.fleet.methods()
    assert [entry["name"] for entry in end.created_volumes] == ["db-01.qcow2"]


def test_the_longest_downtime_is_asked_for_until_it_was_taken_and_only_once(scene: Scene) -> None:
    guest = scene.add_guest()
    move = scene.script(guest)
    move.go_on.clear()
    scene.fleet["kvm-a"].fail("set_limit", Refused("domain is not being migrated", code=55), times=2)
    migration = scene.request(guest, max_downtime_ms=120)
    worker = scene.in_background(scene.run, migration)
    eventually(lambda: fresh(migration).downtime_set)
    assert scene.fleet.methods().count("set_limit") == 3
    Migration.objects.filter(pk=migration.pk).update(epoch=50, owner="")
    worker.join(10)
    adopter = scene.in_background(scene.adopt, migration)
    eventually(lambda: fresh(migration).epoch > 50)
    move.go_on.set()
    adopter.join(10)
    assert fresh(migration).state == State.DONE
    assert scene.fleet.methods().count("set_limit") == 3


@pytest.mark.parametrize(("limit", "speed"), [({"bandwidth_mib": 50}, 50), ({}, 0)])
def test_memory_gets_its_own_limit_when_it_starts_and_only_once(
    limit: dict[str, int], speed: int, scene: Scene
) -> None:
    guest = scene.add_local_guest()
    disks = job(0, memory_total=None, memory_processed=None, memory_remaining=None, disk_total=1000, disk_processed=10)
    move = scene.script(guest, jobs=[disks])
    move.go_on.clear()
    kvm_a = scene.fleet["kvm-a"]
    kvm_a.fail("set_limit", Refused("domain is not being migrated", code=55), times=1)
    migration = scene.request(guest, copy=True, disk_bandwidth_mib=20, **limit)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_DISKS))
    assert "set_limit" not in scene.fleet.methods()
    (call,) = [call for call in scene.fleet.calls if call.method == "migrate"]
    assert call.arguments[0].parameters == {"bandwidth": 20}
    Migration.objects.filter(pk=migration.pk).update(epoch=50, owner="")  # the worker is gone when memory starts
    worker.join(10)
    guest.job = job(500)
    adopter = scene.in_background(scene.adopt, migration)
    eventually(lambda: "Memory is" in said(migration))
    Migration.objects.filter(pk=migration.pk).update(epoch=90, owner="")
    adopter.join(10)
    adopter = scene.in_background(scene.adopt, migration)
    eventually(lambda: fresh(migration).epoch > 90)
    move.go_on.set()
    adopter.join(10)
    assert fresh(migration).state == State.DONE
    told = [call.arguments[1] for call in scene.fleet.calls if call.method == "set_limit"]
    assert told == [LimitBandwidth(speed)] * 2  # refused once, then taken


def test_a_guest_that_was_stopped_by_its_storage_is_no_ordinary_failure(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = scene.add_guest()
    scene.script(guest, ending=Ending.ROLLED_BACK)

    def to_a_dead_disk(guest: FakeGuest, *rest: Any) -> None:
        back(guest, *rest)
        guest.state, guest.reason = RunState.PAUSED, "I/O error"

    back = fake_guests._roll_back
    monkeypatch.setattr(fake_guests, "_roll_back", to_a_dead_disk)
    end = scene.run(scene.request(guest))
    assert end.state == State.NEEDS_ATTENTION
    assert end.state_text == "web-01 is paused on kvm-a. It ran before the migration."
    assert "I/O error" in end.error["cause"]


def test_autostart_at_the_source_is_off_also_when_the_destination_keeps_no_definition(scene: Scene) -> None:
    guest = scene.add_guest(autostart=True)
    end = scene.run(scene.request(guest, persist=False, undefine_source=False))
    assert end.state == State.DONE
    assert not scene.fleet["kvm-a"].guests[guest.definition.uuid].autostart


def test_autostart_that_stays_on_at_the_source_is_part_of_the_outcome(scene: Scene) -> None:
    guest = scene.add_guest(autostart=True)
    scene.fleet["kvm-a"].fail("set_autostart", HostUnreachable("gone"), times=9)
    end = scene.run(scene.request(guest, undefine_source=False))
    assert end.state == State.DONE
    assert f"virsh autostart --disable {guest.definition.uuid}" in end.error["what_to_do"]


def test_a_slot_is_free_only_when_libvirt_was_seen_to_have_ended(scene: Scene) -> None:
    first = silent_in_the_middle(scene, scene.add_guest())
    second = scene.request(scene.add_guest("web-02"))
    Migration.objects.filter(pk=first.pk).update(job_over=False)
    assert "web-01" in why_not(second)
    Migration.objects.filter(pk=first.pk).update(job_over=True)
    assert why_not(second) == ""


def test_checking_goes_on_after_this_machine_got_another_name(scene: Scene) -> None:
    migration = scene.request(scene.add_guest())
    boot = ledger.machine().rpartition(" ")[2]
    Migration.objects.filter(pk=migration.pk).update(
        state=State.CHECKING, owner="x", owner_machine=f"old-name {boot}", owner_pid=999_999, owner_pid_started=1
    )
    assert scene.adopt(migration).state == State.REQUESTED


def test_the_last_numbers_are_those_of_the_end(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.script(guest, pace=0.05)
    progress = scene.run(scene.request(guest)).progress
    assert (progress["phase"], progress["percent"], progress["remaining_bytes"]) == ("done", 100, 0)
    assert (progress["eta_low_ms"], progress["expected_downtime_ms"]) == (None, None)
    assert progress["transferred_bytes"]
    rows = Entry.objects.filter(kind=EntryKind.PROGRESS)
    assert all(row.body["percent"] < 100 for row in rows)


def test_a_migration_that_somebody_else_has_begun_is_not_touched(scene: Scene) -> None:
    """It began between our check and our call, which libvirt refuses then."""
    guest, host = scene.add_guest(), scene.fleet["kvm-a"]
    called = host.called

    def begun_by_another(method: str, *arguments: Any) -> None:
        if method == "migrate":
            guest.job = job(500)
            raise Refused("another migration job is already running for domain 'web-01'", code=55, domain=10)
        called(method, *arguments)

    host.called = begun_by_another  # type: ignore[method-assign]
    migration = scene.request(guest)
    worker = scene.in_background(scene.run, migration)
    eventually(lambda: "a migration that kvmweb did not start is running" in fresh(migration).state_text)
    cancel_migration(migration, by=scene.operator)
    guest.job = None
    worker.join(20)
    end = fresh(migration)
    assert (end.state, end.state_text.split(".")[0]) == (State.CANCELLED, "web-01 runs on kvm-a")
    assert {"abort", "set_limit", "suspend"}.isdisjoint(scene.fleet.methods())
