"""A host that does not answer: since when, what it said and where the VM is meanwhile stand in the record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django_q.models import OrmQ

from kvmweb.journal.models import Entry
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.usecases.errors import TooLate
from migrations_app.usecases.look_again import look_again
from migrations_app.worker.watch import silence
from tests.db.moving import Scene, eventually, fresh, in_state
from tests.fakes.guests import Ending

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "LONG_ENOUGH_S", 0.1)


def silent(scene: Scene, ending: Ending = Ending.DONE) -> tuple[Migration, Any]:
    """kvm-b stops answering while memory is copied, and libvirt ends as `ending` says."""
    guest = scene.add_guest()
    move = scene.script(guest, ending=ending)
    move.go_on.clear()
    migration = scene.request(guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    scene.fleet["kvm-b"].silent = True
    move.go_on.set()
    eventually(lambda: bool(fresh(migration).waiting))
    return migration, worker


def test_what_it_waits_for_is_written_down_and_gone_when_the_host_is_back(scene: Scene) -> None:
    migration, worker = silent(scene)
    waiting = fresh(migration).waiting
    assert "kvm-b did not answer" in waiting["hosts"]["kvm-b"]
    assert datetime.fromisoformat(waiting["since"]) <= datetime.fromisoformat(waiting["until"])
    scene.fleet["kvm-b"].silent = False
    worker.join(10)
    assert (fresh(migration).state, fresh(migration).waiting) == (State.DONE, {})


def test_it_stays_written_down_while_a_person_is_needed(scene: Scene) -> None:
    migration, worker = silent(scene)
    eventually(in_state(migration, State.NEEDS_ATTENTION))
    worker.join(10)
    assert "kvm-b" in fresh(migration).waiting["hosts"]
    since = fresh(migration).waiting["since"]
    scene.adopt(migration)
    assert fresh(migration).waiting["since"] == since
    scene.fleet["kvm-b"].silent = False
    assert scene.adopt(migration).state == State.DONE


def test_a_failure_says_who_stopped_answering(scene: Scene) -> None:
    migration, worker = silent(scene, Ending.ROLLED_BACK)
    scene.fleet["kvm-b"].silent = False
    worker.join(10)
    end = fresh(migration)
    assert end.state == State.FAILED
    assert end.error["cause"].startswith("kvm-b was not reachable for ")
    assert "A connection broke" not in end.error["cause"]


def test_a_person_can_have_the_hosts_tried_at_once(scene: Scene, operator: Any) -> None:
    migration, worker = silent(scene)
    look_again(fresh(migration), by=operator)
    eventually(lambda: not fresh(migration).orders.exclude(state="applied").exists())
    assert Entry.objects.filter(text__contains="try the hosts again now").count() == 1
    scene.fleet["kvm-b"].silent = False
    worker.join(10)
    assert look_again_is_too_late(fresh(migration), operator)


def look_again_is_too_late(migration: Migration, operator: Any) -> bool:
    with pytest.raises(TooLate):
        look_again(migration, by=operator)
    return migration.terminal


def test_where_a_person_is_needed_a_worker_is_sent(scene: Scene, operator: Any) -> None:
    migration, worker = silent(scene)
    eventually(in_state(migration, State.NEEDS_ATTENTION))
    worker.join(10)
    look_again(fresh(migration), by=operator)
    look_again(fresh(migration), by=operator)  # a double click
    assert fresh(migration).orders.count() == 1
    (task,) = [row.task for row in OrmQ.objects.all() if "adopt_migration" in str(row.task["func"])]
    assert task["args"] == (
        migration.pk,
        fresh(migration).epoch,
        fresh(migration).heartbeat,
    )  # ends no worker that lives


def test_a_silence_under_another_worker_is_not_given_a_length(scene: Scene) -> None:
    migration, worker = silent(scene, Ending.ROLLED_BACK)
    eventually(in_state(migration, State.NEEDS_ATTENTION))
    worker.join(10)
    scene.fleet["kvm-b"].silent = False
    end = scene.adopt(migration)
    assert end.state == State.FAILED
    assert end.error["cause"].startswith("kvm-b was not reachable during the migration.")


def test_while_both_hosts_answer_nothing_is_asked(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    migration = scene.request(guest)
    look_again(migration, by=operator)
    assert not migration.orders.exists()
