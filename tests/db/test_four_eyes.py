"""An unsafe migration, and closing one by hand, wait for a second admin, if an admin has set that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from approvals.domain.decision import Ballot
from approvals.models import Approval, BrokenGlass
from approvals.reading.rules import broken_glasses
from approvals.usecases.four_eyes import four_eyes, set_four_eyes
from approvals.usecases.vote import vote
from approvals.worker.expire import tick
from hosts.gateway.port import GatewayError
from kvmweb.journal.models import Entry
from migrations_app.domain.gate import Later
from migrations_app.domain.lifecycle import State
from migrations_app.domain.request import make_request
from migrations_app.models import Migration
from migrations_app.usecases.close_migration import close_migration
from migrations_app.usecases.errors import NothingToClose
from migrations_app.usecases.give_order import cancel_migration
from migrations_app.usecases.request_migration import request_migration
from migrations_app.worker.run_migration import run_migration
from migrations_app.worker.slots import may_begin
from tests.db.moving import Scene, fresh, said
from tests.fakes.guests import Ending, FakeGuest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


@pytest.fixture
def bob(db: None) -> Any:
    user = User.objects.create_user("bob")
    user.grants.create(role="admin")
    return user


@pytest.fixture
def guest(scene: Scene) -> FakeGuest:
    return scene.add_guest()


def unsafe(scene: Scene, guest: FakeGuest, by: Any, **more: Any) -> Migration:
    target = scene.hosts["kvm-b"].pk
    wanted = make_request(guest=guest.definition.uuid, target=target, kind="live", options={"unsafe": True})
    made, _ = request_migration(by=by, request=wanted, confirm="web-01", **more)
    return made


def run(scene: Scene, migration: Migration) -> Migration:
    run_migration(migration.pk, connect=scene.fleet.connect)
    return fresh(migration)


def decide(by: Any, ballot: Ballot = Ballot.APPROVE, comment: str = "") -> Approval:
    asked = Approval.objects.latest("id")
    return vote(asked, ballot, by=by, plan=asked.plan_hash, comment=comment)


# --- unsafe -------------------------------------------------------------------------------------------------------------


def test_it_is_off_by_default(scene: Scene, guest: FakeGuest, admin: Any) -> None:
    assert (four_eyes().unsafe, four_eyes().closing) == (False, False)
    assert run(scene, unsafe(scene, guest, admin)).state == State.DONE
    assert not Approval.objects.exists()


def test_only_an_admin_sets_it_and_the_journal_says_so(operator: Any, admin: Any) -> None:
    with pytest.raises(PermissionDenied):
        set_four_eyes(unsafe=True, closing=True, by=operator)
    set_four_eyes(unsafe=True, closing=False, by=admin, reason="audit")
    set_four_eyes(unsafe=True, closing=False, by=admin)
    (entry,) = Entry.objects.filter(topic="approvals")
    assert (entry.text, entry.reason) == (
        "anna set four eyes: unsafe migrations on, closing by hand off",
        "audit",
    )


def test_an_unsafe_migration_waits_for_another_admin(scene: Scene, guest: FakeGuest, admin: Any, bob: Any) -> None:
    set_four_eyes(unsafe=True, closing=False, by=admin)
    asked = run(scene, unsafe(scene, guest, admin, reason="storage is fine"))
    assert (asked.state, asked.state_text) == (
        State.QUEUED,
        "Waiting until another admin approves it, because it is unsafe.",
    )
    approval = Approval.objects.get()
    assert (approval.subject, approval.role, approval.asked_by) == (f"migration:{asked.pk}", "admin", admin)
    assert approval.plan["findings"] == sorted(
        [*map(list, {(one["check"], one["severity"]) for one in asked.findings})]
    )
    assert not may_begin(asked)
    assert "migrate" not in scene.fleet.methods()
    with pytest.raises(PermissionDenied):
        decide(admin)
    decide(bob)
    assert may_begin(asked)
    assert run(scene, asked).state == State.DONE
    assert "bob approved it." in said(asked)
    assert Approval.objects.count() == 1


def test_a_safe_migration_does_not_wait(scene: Scene, guest: FakeGuest, admin: Any) -> None:
    set_four_eyes(unsafe=True, closing=True, by=admin)
    assert scene.run(scene.request(guest)).state == State.DONE
    assert not Approval.objects.exists()


def test_what_is_denied_ends_and_nothing_is_touched(scene: Scene, guest: FakeGuest, admin: Any, bob: Any) -> None:
    set_four_eyes(unsafe=True, closing=False, by=admin)
    asked = run(scene, unsafe(scene, guest, admin))
    decide(bob, Ballot.DENY, "not now")
    assert may_begin(asked)
    end = run(scene, asked)
    assert (end.state, end.state_text) == (State.FAILED, "web-01 was not touched. bob denied it.")
    assert "migrate" not in scene.fleet.methods()


def test_what_nobody_approves_ends(scene: Scene, guest: FakeGuest, admin: Any) -> None:
    set_four_eyes(unsafe=True, closing=False, by=admin)
    asked = run(scene, unsafe(scene, guest, admin))
    Approval.objects.update(expires_at=timezone.now())
    tick()
    end = run(scene, asked)
    assert (end.state, end.state_text) == (
        State.FAILED,
        "web-01 was not touched. No other admin approved it in time.",
    )


def test_other_findings_than_were_approved_are_asked_again(
    scene: Scene, guest: FakeGuest, admin: Any, bob: Any
) -> None:
    set_four_eyes(unsafe=True, closing=False, by=admin)
    asked = run(scene, unsafe(scene, guest, admin))
    first = decide(bob)
    scene.fleet["kvm-b"].fail("memory", GatewayError("busy"), times=3)
    again = run(scene, asked)
    assert again.state == State.QUEUED
    assert not may_begin(again)
    last = Approval.objects.latest("id")
    assert (last.pk != first.pk, last.state, last.earlier_plan) == (True, "open", first.plan)
    decide(bob)
    assert run(scene, again).state == State.DONE


def test_a_cancelled_one_needs_no_approval_any_more(scene: Scene, guest: FakeGuest, admin: Any) -> None:
    set_four_eyes(unsafe=True, closing=False, by=admin)
    asked = run(scene, unsafe(scene, guest, admin))
    cancel_migration(asked, by=admin)
    assert Approval.objects.get().state == "withdrawn"


def test_who_breaks_the_glass_goes_on_at_once_and_admins_are_alarmed(
    scene: Scene, guest: FakeGuest, admin: Any, bob: Any, operator: Any
) -> None:
    set_four_eyes(unsafe=True, closing=False, by=admin)
    asked = run(scene, unsafe(scene, guest, admin, break_glass="the host burns"))
    assert asked.state == State.DONE
    assert not Approval.objects.exists()
    entry = Entry.objects.get(topic=asked.topic, text__startswith="Alarm")
    assert (entry.text, entry.reason, entry.body["alarm"]) == (
        "Alarm: anna did not wait for another admin (four eyes).",
        "the host burns",
        True,
    )
    assert [one.reason for one in broken_glasses(bob)] == ["the host burns"]
    assert broken_glasses(operator) == []
    BrokenGlass.objects.update(at=timezone.now() - timedelta(hours=25))
    assert broken_glasses(bob) == []


def test_without_four_eyes_no_glass_is_broken(scene: Scene, guest: FakeGuest, admin: Any) -> None:
    assert run(scene, unsafe(scene, guest, admin, break_glass="always")).state == State.DONE
    assert not BrokenGlass.objects.exists()


# --- closing ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def unclear(scene: Scene, guest: FakeGuest, admin: Any) -> Migration:
    set_four_eyes(unsafe=False, closing=True, by=admin)
    scene.script(guest, ending=Ending.SAYS_DONE_NOWHERE)
    return scene.run(scene.request(guest))


def test_closing_is_a_wish_that_another_admin_carries_out(unclear: Migration, admin: Any, bob: Any) -> None:
    wish = close_migration(unclear, by=admin, reason="It runs on kvm-c.")
    again = close_migration(unclear, by=admin, reason="It runs on kvm-c, really.")
    assert isinstance(wish, Later)
    assert wish == again
    assert fresh(unclear).state == State.NEEDS_ATTENTION
    asked = Approval.objects.get()
    assert (asked.subject, asked.reason) == (f"close:{unclear.pk}", "It runs on kvm-c.")
    assert "kvm-c" not in asked.text
    with pytest.raises(PermissionDenied):
        decide(admin)
    decide(bob)
    closed = fresh(unclear)
    assert (closed.state, closed.closed_by_name) == (State.FAILED, "anna")
    assert closed.state_text == "anna closed this migration, and bob agreed: It runs on kvm-c."


def test_a_denied_wish_can_be_wished_again(unclear: Migration, admin: Any, bob: Any) -> None:
    close_migration(unclear, by=admin, reason="It runs on kvm-c.")
    decide(bob, Ballot.DENY)
    assert fresh(unclear).state == State.NEEDS_ATTENTION
    close_migration(unclear, by=admin, reason="I have looked again.")
    decide(bob)
    assert fresh(unclear).state == State.FAILED


def test_another_admin_who_wishes_the_same_takes_the_wish_over(unclear: Migration, admin: Any, bob: Any) -> None:
    close_migration(unclear, by=admin, reason="It runs on kvm-c.")
    close_migration(unclear, by=bob, reason="It runs on kvm-d.")
    assert [one.state for one in Approval.objects.order_by("id")] == ["withdrawn", "open"]
    decide(admin)
    assert fresh(unclear).closed_by_name == "bob"


def test_breaking_the_glass_closes_at_once(unclear: Migration, admin: Any, bob: Any) -> None:
    close_migration(unclear, by=admin, reason="It runs on kvm-c.")
    closed = close_migration(unclear, by=admin, reason="It runs on kvm-c.", break_glass="bob sleeps")
    assert isinstance(closed, Migration)
    assert closed.state == State.FAILED
    assert Approval.objects.get().state == "withdrawn"
    assert BrokenGlass.objects.get().reason == "bob sleeps"
    with pytest.raises(NothingToClose):
        close_migration(unclear, by=bob, reason="again", break_glass="x")
    assert BrokenGlass.objects.count() == 1
