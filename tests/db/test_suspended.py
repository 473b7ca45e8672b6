"""The method Suspended from the request to its end, with hosts that do what a test says."""

from __future__ import annotations

from typing import Any

import pytest

from hosts.facts.guest import RunState
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.usecases.give_order import cancel_migration
from tests.db.moving import Scene, eventually, fresh, in_state, said, states
from tests.fakes.guests import Ending, FakeGuest, job

pytestmark = [pytest.mark.django_db(transaction=True)]


def request(scene: Scene, guest: FakeGuest, **options: Any) -> Migration:
    return scene.request(guest, kind=Kind.SUSPENDED, **options)


def held(scene: Scene, guest: FakeGuest, **options: Any) -> tuple[Migration, Any]:
    """In the middle of its copy, and the worker that follows it."""
    scene.script(guest).go_on.clear()
    migration = request(scene, guest, **options)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    return migration, worker


def test_it_is_paused_while_it_is_copied_and_nobody_is_blamed(scene: Scene) -> None:
    guest = scene.add_guest()
    migration, worker = held(scene, guest)
    eventually(lambda: "is paused on kvm-a while its memory is copied" in fresh(migration).state_text)
    assert guest.reason == "migration"
    scene.fleet.moves[guest.definition.uuid].go_on.set()
    worker.join(10)
    done = fresh(migration)
    assert (done.state, done.state_text, done.error) == (State.DONE, "web-01 runs on kvm-b.", {})
    assert State.SWITCHING_OVER not in states(done)
    assert done.suspended is False
    assert "Somebody" not in said(done)
    assert "allowed_downtime_ms" not in done.progress or done.progress["allowed_downtime_ms"] is None
    assert not {"suspend", "resume"} & set(scene.fleet.methods())


@pytest.mark.parametrize("keep_paused", [False, True])
def test_a_cancel_in_the_middle_lets_it_run_at_the_source(scene: Scene, operator: Any, keep_paused: bool) -> None:
    guest = scene.add_guest()
    migration, worker = held(scene, guest, keep_paused=keep_paused)
    cancel_migration(fresh(migration), by=operator, reason="wrong host")
    worker.join(10)
    end = fresh(migration)
    assert (end.state, guest.state) == (State.CANCELLED, RunState.RUNNING)
    assert end.state_text.startswith("web-01 runs on kvm-a. The migration was cancelled.")


def test_a_failure_leaves_a_paused_vm_paused(scene: Scene) -> None:
    guest = scene.add_guest(state=RunState.PAUSED, reason="user")
    scene.script(guest, ending=Ending.ROLLED_BACK)
    end = scene.run(request(scene, guest))
    assert (end.state, guest.state) == (State.FAILED, RunState.PAUSED)
    assert end.state_text.startswith("web-01 is paused on kvm-a")


@pytest.mark.parametrize(
    ("before", "options", "after"),
    [
        (RunState.PAUSED, {}, "web-01 is paused on kvm-b, as it was before."),
        (RunState.RUNNING, {"keep_paused": True}, "web-01 is paused on kvm-b. It stays paused, as requested."),
    ],
)
def test_what_is_to_stay_paused_stays_so(scene: Scene, before: RunState, options: dict[str, Any], after: str) -> None:
    guest = scene.add_guest(state=before, reason="user" if before is RunState.PAUSED else "booted")
    done = scene.run(request(scene, guest, **options))
    assert (done.state, done.state_text) == (State.DONE, after)


@pytest.mark.parametrize("ends", [Ending.DONE, Ending.ROLLED_BACK])
def test_who_adopts_it_in_the_middle_tells_its_true_end(scene: Scene, ends: Ending) -> None:
    guest = scene.add_guest()
    migration, worker = held(scene, guest)
    move = scene.fleet.moves[guest.definition.uuid]
    move.ending = ends
    Migration.objects.filter(pk=migration.pk).update(owner="", owner_pid=None)
    adopter = scene.in_background(scene.adopt, migration)
    eventually(lambda: fresh(migration).epoch > 1)
    move.go_on.set()
    adopter.join(20)
    worker.join(20)
    end = fresh(migration)
    wanted = State.DONE if ends is Ending.DONE else State.FAILED
    assert end.state == wanted, end.state_text
    assert "Somebody" not in said(end)
    where = "kvm-b" if ends is Ending.DONE else "kvm-a"
    assert scene.fleet[where].guests[guest.definition.uuid].state is RunState.RUNNING


def test_its_disks_are_copied_on_request_while_it_runs(scene: Scene) -> None:
    guest = scene.add_local_guest()
    disks = job(0, memory_total=0, memory_remaining=0, disk_total=1000, disk_remaining=500, disk_processed=500)
    scene.script(guest, jobs=[disks, job(500), job(0)], pace=0.6)
    done = scene.run(request(scene, guest, copy_disks=True))
    assert done.state == State.DONE, done.state_text
    way = states(done)
    assert way.index("copying_disks") < way.index("copying_memory")
    assert "copy_disks" in str(done.options)
    assert done.created_volumes


def test_without_disks_to_copy_a_local_disk_blocks(scene: Scene) -> None:
    assert scene.run(request(scene, scene.add_local_guest())).state == State.BLOCKED


def test_a_saved_state_is_refused_with_the_reason_and_kept(scene: Scene) -> None:
    guest = scene.add_guest(state=RunState.SHUTOFF, reason="saved", managed_save=True)
    end = scene.run(request(scene, guest))
    assert end.state == State.BLOCKED
    assert "web-01 is shut off with a saved state (managed save), which libvirt cannot migrate." in end.state_text
    assert guest.managed_save
    assert "migrate" not in scene.fleet.methods()
