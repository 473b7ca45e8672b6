"""One worker at a time works on a migration, whatever the queue delivers and whichever process dies."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection
from django_q.models import OrmQ

from kvmweb.journal import writer
from kvmweb.journal.models import Entry, EntryKind
from kvmweb.queue import Detached
from migrations_app import ledger
from migrations_app.domain.lifecycle import IN_FLIGHT, OWNED, TERMINAL, WAITING, State
from migrations_app.ledger import Claim, LostClaim
from migrations_app.models import Migration
from migrations_app.worker import reconcile
from migrations_app.worker.adopt_migration import adopt_migration
from migrations_app.worker.watch import judge
from tests.db.moving import Scene, eventually, fresh, in_state, said, states

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


@pytest.fixture
def migration(scene: Scene) -> Migration:
    made = scene.request(scene.add_guest())
    OrmQ.objects.all().delete()
    return made


def _claim(migration: Migration, states: Any = WAITING, **changes: Any) -> Claim:
    held = ledger.claim(migration.pk, states=states, **changes)
    assert held is not None
    return held


def _set(migration: Migration, **fields: Any) -> Migration:
    Migration.objects.filter(pk=migration.pk).update(**fields)
    return fresh(migration)


def _tasks() -> list[str]:
    return [row.task["func"].rpartition(".")[2] for row in OrmQ.objects.order_by("id")]


# --- claims -----------------------------------------------------------------------------------------------------------


def test_a_claim_is_had_once(migration: Migration) -> None:
    held = _claim(migration, become=State.CHECKING)
    assert ledger.claim(migration.pk, states=WAITING, become=State.CHECKING) is None
    row = fresh(migration)
    assert (row.state, row.owner, row.owner_pid, row.epoch) == (State.CHECKING, held.owner, os.getpid(), 1)


def test_of_many_who_claim_at_the_same_time_one_gets_it(migration: Migration) -> None:
    got: list[Claim | None] = []
    ready = threading.Barrier(4)

    def run() -> None:
        ready.wait()
        try:
            got.append(ledger.claim(migration.pk, states=WAITING, become=State.CHECKING))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    assert sum(one is not None for one in got) == 1
    assert fresh(migration).epoch == 1


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_nobody_claims_what_has_ended(migration: Migration, state: State) -> None:
    _set(migration, state=state)
    assert ledger.claim(migration.pk, states=[*OWNED, *WAITING, State.NEEDS_ATTENTION]) is None


def test_every_write_of_an_old_owner_is_refused(migration: Migration) -> None:
    old = _claim(migration, become=State.CHECKING)
    new = _claim(migration, OWNED)
    assert new.epoch == old.epoch + 1
    before = fresh(migration)
    entries = Entry.objects.count()
    for write in (
        lambda: ledger.change_state(old, State.CHECKING, State.FAILED, "gone"),
        lambda: ledger.update(old, call_made=True),
        lambda: ledger.tick(old, {"percent": 99}),
        lambda: ledger.beat(old),
    ):
        with pytest.raises(LostClaim):
            write()
    ledger.release(old)
    after = fresh(migration)
    assert (after.state, after.owner, after.progress) == (before.state, new.owner, {})
    assert (after.call_made, after.heartbeat, Entry.objects.count()) == (False, before.heartbeat, entries)


def test_open_pages_hear_of_new_words_while_the_state_stays(migration: Migration) -> None:
    held = _claim(migration, become=State.CHECKING)
    told = Entry.objects.filter(topic=migration.topic, kind=EntryKind.SIGNAL)
    ledger.update(held, call_made=True)
    assert told.count() == 0
    ledger.update(held, state_text="Waiting for kvm-b to be reachable again.")
    assert told.count() == 1


def test_a_state_and_its_entry_commit_together_or_not_at_all(
    migration: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = _claim(migration, become=State.CHECKING)

    def broken(*_: Any, **__: Any) -> None:
        raise DatabaseError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(writer, "write", broken)
        with pytest.raises(DatabaseError):
            ledger.change_state(held, State.CHECKING, State.FAILED, "x")
    assert fresh(migration).state == State.CHECKING
    ledger.change_state(held, State.CHECKING, State.FAILED, "x")
    assert states(migration)[-1] == "failed"


def test_a_state_change_is_retried_until_the_database_is_back(
    migration: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, tell, failures = _claim(migration, become=State.CHECKING), ledger.states.tell, [1, 2]

    def busy(*args: Any) -> None:
        if failures:
            failures.pop()
            raise OperationalError("database is locked")
        tell(*args)

    monkeypatch.setattr(ledger.states, "tell", busy)
    ledger.change_state(held, State.CHECKING, State.BLOCKED, "x")
    assert fresh(migration).state == State.BLOCKED
    assert states(migration).count("blocked") == 1


def test_numbers_that_cannot_be_written_are_dropped(migration: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    held = _claim(migration, become=State.CHECKING)

    def busy(*_: Any, **__: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(writer, "write", busy)
    ledger.tick(held, {"percent": 5})
    ledger.note(held, "a note")
    assert not Entry.objects.filter(kind=EntryKind.PROGRESS).exists()


def test_no_state_may_follow_one_that_does_not_allow_it(migration: Migration) -> None:
    held = _claim(migration, become=State.CHECKING)
    with pytest.raises(ValueError, match="may not become"):
        ledger.change_state(held, State.CHECKING, State.DONE)


def test_an_end_sets_the_time_and_lets_go(migration: Migration) -> None:
    ledger.change_state(_claim(migration, become=State.CHECKING), State.CHECKING, State.BLOCKED, "x")
    row = fresh(migration)
    assert (row.owner, row.owner_pid, row.terminal) == ("", None, True)
    assert row.finished_at is not None


def test_a_task_delivered_twice_does_everything_once(scene: Scene, migration: Migration) -> None:
    scene.script(scene.fleet["kvm-a"].guests[str(migration.guest_id)]).go_on.clear()
    first = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    owner = fresh(migration).owner
    assert scene.run(migration).owner == owner
    scene.fleet.moves[str(migration.guest_id)].go_on.set()
    first.join(10)
    assert scene.run(migration).state == State.DONE
    assert scene.fleet.methods().count("migrate") == 1


# --- taking over ------------------------------------------------------------------------------------------------------


def _sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_a_silent_owner_on_this_machine_is_ended_first(migration: Migration) -> None:
    process = _sleeper()
    started = ledger.pid_started(process.pid)
    owned = _set(migration, owner="x", owner_machine=ledger.machine(), owner_pid=process.pid, owner_pid_started=started)
    assert ledger.end_owner(owned)
    assert process.wait(5) == -9


def test_a_process_that_only_has_the_owners_number_is_left_alone(migration: Migration) -> None:
    process = _sleeper()
    try:
        owned = _set(migration, owner="x", owner_machine=ledger.machine(), owner_pid=process.pid, owner_pid_started=1)
        assert ledger.end_owner(owned)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_of_an_owner_on_another_machine_nothing_is_known(migration: Migration) -> None:
    assert not ledger.end_owner(_set(migration, owner="x", owner_machine="elsewhere", owner_pid=os.getpid()))


def _held_up(scene: Scene, migration: Migration) -> threading.Thread:
    scene.script(scene.fleet["kvm-a"].guests[str(migration.guest_id)]).go_on.clear()
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    return worker


def test_an_adoption_that_is_delivered_late_or_twice_ends_no_worker_that_is_well(
    scene: Scene, migration: Migration
) -> None:
    process = _sleeper()
    try:
        _set(migration, state=State.COPYING_MEMORY, owner="x", owner_machine=ledger.machine(), epoch=3, heartbeat=8)
        _set(migration, owner_pid=process.pid, owner_pid_started=ledger.pid_started(process.pid))
        reconciler = reconcile.Reconciler()
        reconciler.tick(0.0)
        reconciler.tick(6.0)
        (task,) = OrmQ.objects.all()
        pk, epoch, heartbeat = task.task["args"]
        assert (pk, epoch, heartbeat) == (migration.pk, 3, 8)
        for change in ({"heartbeat": 9}, {"epoch": 4, "heartbeat": 9}):
            _set(migration, **change)
            adopt_migration(pk, epoch=epoch, heartbeat=heartbeat, connect=scene.fleet.connect)
            assert fresh(migration).epoch == change.get("epoch", 3)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_an_adopter_watches_to_the_end_and_the_old_owner_writes_nothing_more(
    scene: Scene, migration: Migration
) -> None:
    old = _held_up(scene, migration)
    first = fresh(migration)
    new = scene.in_background(scene.adopt, migration)
    eventually(lambda: fresh(migration).epoch == first.epoch + 1)
    old.join(10)
    second = fresh(migration).owner
    assert second not in ("", first.owner)
    newest = Entry.objects.latest("id").pk
    progress = Entry.objects.filter(kind=EntryKind.PROGRESS, id__gt=newest)
    eventually(progress.exists)
    scene.fleet.moves[str(migration.guest_id)].go_on.set()
    new.join(10)
    end = fresh(migration)
    assert (end.state, end.downtime_ms) == (State.DONE, 42)
    assert {entry.body["owner"] for entry in progress} == {second}
    assert "Another worker follows this migration now." in said(end)
    assert scene.fleet.methods().count("migrate") == 1


@pytest.mark.parametrize("state", sorted(IN_FLIGHT))
def test_what_went_on_by_itself_meanwhile_is_told_truly(scene: Scene, migration: Migration, state: State) -> None:
    """kvmweb did not run while libvirt finished. Nothing is started a second time, whatever the row says."""
    uuid = str(migration.guest_id)
    scene.fleet["kvm-b"].guests[uuid] = scene.fleet["kvm-a"].guests.pop(uuid)
    scene.fleet["kvm-b"].guests[uuid].reason = "migrated"
    _set(migration, state=state, was_persistent=True, call_made=True)
    assert scene.adopt(migration).state == State.DONE
    assert "migrate" not in scene.fleet.methods()


def test_what_never_began_although_it_was_about_to_is_told_truly(scene: Scene, migration: Migration) -> None:
    _set(migration, state=State.STARTING, was_persistent=True)
    end = scene.adopt(migration)
    assert (end.state, end.state_text) == (
        State.FAILED,
        "web-01 runs on kvm-a, where it was before. The migration failed.",
    )
    assert "migrate" not in scene.fleet.methods()


def test_what_was_only_being_checked_begins_again(scene: Scene, migration: Migration) -> None:
    _set(migration, state=State.CHECKING)
    assert scene.adopt(migration).state == State.REQUESTED
    assert _tasks() == ["run_migration"]
    assert scene.run(migration).state == State.DONE


def test_what_a_silent_machine_was_checking_is_checked_again_and_its_worker_can_start_nothing(
    scene: Scene, migration: Migration
) -> None:
    held = ledger.claim(migration.pk, states=WAITING, become=State.CHECKING)
    assert held is not None
    Migration.objects.filter(pk=migration.pk).update(owner_machine="elsewhere", owner_pid=1)
    assert scene.adopt(migration).state == State.REQUESTED
    with pytest.raises(LostClaim):
        ledger.change_state(held, State.CHECKING, State.STARTING)


@pytest.mark.parametrize("state", sorted(TERMINAL | WAITING))
def test_what_has_ended_or_waits_is_not_adopted(scene: Scene, migration: Migration, state: State) -> None:
    _set(migration, state=state)
    assert scene.adopt(migration).epoch == 0
    assert scene.fleet.calls == []


def test_a_worker_that_is_stopped_lets_go_and_the_next_one_goes_on(
    scene: Scene, migration: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise Detached(0)

    scene.script(scene.fleet["kvm-a"].guests[str(migration.guest_id)]).go_on.clear()
    with monkeypatch.context() as patched:
        patched.setattr(judge.Judge, "decide", stopped)
        with pytest.raises(Detached):
            scene.run(migration)
    left = fresh(migration)
    assert (left.state in IN_FLIGHT, left.owner, left.owner_pid) == (True, "", None)
    scene.fleet.moves[str(migration.guest_id)].go_on.set()
    end = scene.adopt(migration)
    assert (end.state, end.copying_ms) == (State.DONE, 1000)  # as libvirt counted, not since the first start
    assert "transfer" not in end.timings


# --- the tick every second --------------------------------------------------------------------------------------------


def test_a_beating_heart_is_left_alone_and_a_silent_one_adopted_once(migration: Migration) -> None:
    held = _claim(migration, become=State.CHECKING)
    tick = reconcile.Reconciler().tick
    for second in range(20):
        ledger.beat(held)
        tick(float(second))
    assert _tasks() == []
    for second in range(20, 25):
        tick(float(second))
    assert _tasks() == ["adopt_migration"]
    tick(26.0)
    assert _tasks() == ["adopt_migration"]
    tick(40.0)
    assert _tasks() == ["adopt_migration"] * 2


def test_a_database_that_takes_no_writes_makes_nobody_silent(
    migration: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's heartbeats are refused as well: it could not say that it lives."""
    held = _claim(migration, become=State.CHECKING)
    tick = reconcile.Reconciler().tick
    tick(0.0)
    with monkeypatch.context() as busy:
        busy.setattr(reconcile, "hurried", _refused)
        for second in range(1, 31):
            tick(float(second))
    for second in range(31, 36):  # five seconds to move a heart, from the first write on
        tick(float(second))
    assert _tasks() == []
    ledger.beat(held)
    tick(36.0)
    for second in range(37, 42):
        tick(float(second))
    assert _tasks() == ["adopt_migration"]


def _refused(**_: Any) -> None:
    raise OperationalError("database is locked")


def test_what_was_let_go_of_is_adopted_at_once(migration: Migration) -> None:
    held = _claim(migration, become=State.CHECKING)
    ledger.release(held)
    reconcile.Reconciler().tick(0.0)
    assert _tasks() == ["adopt_migration"]


def test_a_request_that_the_queue_lost_is_told_again(migration: Migration) -> None:
    tick = reconcile.Reconciler().tick
    tick(100.0)
    tick(104.0)
    assert _tasks() == []
    tick(105.0)
    assert _tasks() == ["run_migration"]


def test_what_needs_attention_is_looked_at_again_and_again(migration: Migration) -> None:
    _set(migration, state=State.NEEDS_ATTENTION)
    tick = reconcile.Reconciler().tick
    for second in range(0, 50, 1):
        tick(float(second))
    assert set(_tasks()) == {"adopt_migration"}
    assert 2 <= len(_tasks()) <= 5


def test_what_is_queued_starts_when_a_slot_is_free(scene: Scene, migration: Migration) -> None:
    flying = scene.request(scene.add_guest("web-02"))
    OrmQ.objects.all().delete()
    _set(flying, state=State.COPYING_MEMORY, owner="x")
    _set(migration, state=State.QUEUED)
    tick = reconcile.Reconciler().tick
    tick(0.0)
    assert _tasks() == []
    _set(flying, state=State.DONE)
    tick(1.0)
    assert _tasks() == ["run_migration"]


def test_a_jump_of_the_wall_clock_changes_nothing(migration: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    held = _claim(migration, become=State.CHECKING)
    tick = reconcile.Reconciler().tick
    tick(0.0)
    monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)
    ledger.beat(held)
    tick(1.0)
    assert _tasks() == []
