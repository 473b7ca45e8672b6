"""An admin ends by hand what the hosts alone cannot end."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from kvmweb.journal.models import Entry
from migrations_app import ledger
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.usecases.close_migration import close_migration
from migrations_app.usecases.errors import NothingToClose, RequestRefused
from tests.db.moving import Scene, fresh
from tests.fakes.guests import Ending, FakeGuest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


@pytest.fixture
def guest(scene: Scene) -> FakeGuest:
    return scene.add_guest()


@pytest.fixture
def unclear(scene: Scene, guest: FakeGuest) -> Migration:
    scene.script(guest, ending=Ending.SAYS_DONE_NOWHERE)
    return scene.run(scene.request(guest))


def test_closing_frees_the_vm_and_touches_no_host(
    scene: Scene, unclear: Migration, guest: FakeGuest, admin: Any
) -> None:
    scene.fleet.calls.clear()
    held = ledger.claim(unclear.pk, states=[State.NEEDS_ATTENTION])
    said = unclear.state_text
    closed = close_migration(unclear, by=admin, reason="It runs on kvm-c, I have logged in.")
    assert (closed.state, closed.closed_by_name, closed.owner) == (State.FAILED, "anna", "")
    assert closed.state_text == "anna closed this migration: It runs on kvm-c, I have logged in."
    assert said in closed.error["cause"]
    assert scene.fleet.calls == []
    assert held is not None
    with pytest.raises(ledger.LostClaim):
        ledger.change_state(held, State.NEEDS_ATTENTION, State.DONE)
    entry = Entry.objects.get(text="anna closed this migration.")
    assert (entry.actor_name, entry.reason) == ("anna", "It runs on kvm-c, I have logged in.")
    scene.fleet["kvm-a"].add(guest)
    scene.request(guest)


def test_only_an_admin_may_with_a_reason_and_only_what_needs_attention(
    scene: Scene, unclear: Migration, operator: Any, admin: Any
) -> None:
    with pytest.raises(PermissionDenied):
        close_migration(unclear, by=operator, reason="I think it is fine")
    with pytest.raises(RequestRefused):
        close_migration(unclear, by=admin, reason=" ")
    assert fresh(unclear).state == State.NEEDS_ATTENTION
    close_migration(unclear, by=admin, reason="seen on kvm-b")
    with pytest.raises(NothingToClose):
        close_migration(unclear, by=admin, reason="again")
