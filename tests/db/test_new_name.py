"""A VM that gets another name on the destination: everything finds it by its UUID."""

from __future__ import annotations

import pytest

from hosts.facts.guest import RunState
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.models import RollbackCopy
from migrations_app.words.headline import headline
from tests.db.moving import Scene, said
from tests.fakes.guests import new_guest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


@pytest.mark.parametrize("kind", [Kind.LIVE, Kind.SUSPENDED])
def test_it_has_its_new_name_and_its_autostart(kind: Kind, scene: Scene) -> None:
    guest = scene.add_guest(autostart=True)
    done = scene.run(scene.request(guest, kind=kind, new_name="web-02"))
    assert (done.state, done.state_text) == (State.DONE, "web-01 runs on kvm-b. Its name there is web-02.")
    assert done.state_text in said(done)
    there = scene.fleet["kvm-b"].guests[guest.definition.uuid]
    assert (there.definition.name, there.autostart) == ("web-02", True)


def test_the_new_name_cannot_turn_the_sentence_round(scene: Scene) -> None:
    done = scene.run(scene.request(scene.add_guest(), new_name="web-01 \u05d0\u05d1"))
    assert headline(done) == "web-01 runs on kvm-b. Its name there is \u2068web-01 \u05d0\u05d1\u2069."


def test_offline_starts_it_by_its_uuid(scene: Scene) -> None:
    guest = scene.add_guest(state=RunState.SHUTOFF, reason="shutdown")
    done = scene.run(scene.request(guest, kind=Kind.OFFLINE, start_after=True, new_name="web-02"))
    assert (done.state, done.state_text) == (State.DONE, "web-01 runs on kvm-b. Its name there is web-02.")
    there = scene.fleet["kvm-b"].guests[guest.definition.uuid]
    assert (there.definition.name, there.state) == ("web-02", RunState.RUNNING)


def test_the_rollback_copy_has_the_name_that_the_vm_has_now(scene: Scene) -> None:
    done = scene.run(scene.request(scene.add_local_guest(), copy=True, new_name="db-02"))
    assert done.state == State.DONE, done.state_text
    assert RollbackCopy.objects.get(migration=done).guest_name == "db-02"


def test_a_migration_that_fails_says_nothing_of_the_new_name(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.fleet["kvm-b"].add(new_guest("web-02"))
    done = scene.run(scene.request(guest, new_name="web-02"))
    assert done.state == State.BLOCKED
    assert "kvm-b already has another VM named web-02" in done.state_text
    assert "Its name there" not in done.state_text
