"""Requests when things happen twice, at once, or not to their end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from approvals.models import Approval, Rule
from hosts.models import Guest
from kvmweb.queue import Detached
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration, Preflight
from migrations_app.usecases.errors import AlreadyMoving
from migrations_app.worker.slots import may_begin
from portal import ledger
from portal.domain.states import RequestState
from portal.models import Quota, Request
from portal.usecases.errors import AlreadyAsked, OverQuota
from portal.usecases.withdraw import withdraw
from portal.worker import advance as advancing
from portal.worker import course, planning
from tests.db.asking import Asking, fresh, in_hours, told
from tests.db.moving import Scene
from tests.fakes.guests import FakeGuest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


class Killed(BaseException):
    """What a process does not survive."""


@pytest.fixture
def shop(scene: Scene) -> Asking:
    return Asking(scene)


@pytest.fixture
def web(shop: Asking) -> Guest:
    return shop.owns(shop.scene.add_guest())


@pytest.fixture
def fake(shop: Asking, web: Guest) -> FakeGuest:
    return shop.scene.fleet["kvm-a"].guests[str(web.pk)]


def at_once(*work: Callable[[], Any]) -> list[Any]:
    """What each returned or raised."""
    ready, results = threading.Barrier(len(work)), [None] * len(work)

    def run(number: int) -> None:
        try:
            ready.wait(10)
            results[number] = work[number]()
        except Exception as error:
            results[number] = error  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


# --- killed -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["make_plan", "ask_approvals", "record_migration", "standing"])
def test_a_worker_that_is_killed_is_followed_by_another(
    shop: Asking, web: Guest, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    row = shop.ask(web)
    with monkeypatch.context() as patch:
        patch.setattr(advancing, place, _kill)
        with pytest.raises(Killed):
            shop.advance(row)
    _nothing_yet(row)
    row = shop.advance(row)
    assert (row.state, Migration.objects.count(), Approval.objects.count()) == ("queued", 1, 0)


@pytest.mark.parametrize("place", ["record_preflight", "run_preflight"])
def test_killed_in_the_check(shop: Asking, web: Guest, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    row = shop.ask(web)
    with monkeypatch.context() as patch:
        patch.setattr(planning, place, _kill)
        with pytest.raises(Killed):
            shop.advance(row)
    _nothing_yet(row)
    assert shop.advance(row).migration is not None


def test_killed_right_after_the_migration_was_recorded(
    shop: Asking, web: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request and its migration are written together, or neither is."""
    row = shop.ask(web)
    settle = ledger.settle

    def settled(held: Any, new: RequestState, text: str, **fields: Any) -> None:
        settle(held, new, text, **fields)
        if new is RequestState.QUEUED:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "settle", settled)
        with pytest.raises(Killed):
            shop.advance(row)
    _nothing_yet(row)
    assert shop.advance(row).migration is not None
    assert Migration.objects.count() == 1


def test_a_worker_that_is_stopped_lets_go_at_once(shop: Asking, web: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any) -> None:
        raise Detached(0)

    row = shop.ask(web)
    with monkeypatch.context() as patch:
        patch.setattr(advancing, "make_plan", stopped)
        with pytest.raises(Detached):
            shop.advance(row)
    assert shop.advance(row, due=False).migration is not None


def test_an_internal_error_ends_it(shop: Asking, web: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advancing, "make_plan", lambda *_: 1 / 0)
    row = shop.advance(shop.ask(web))
    assert row.state == "failed"
    assert row.text.startswith("An internal error")
    assert "division" not in row.text


def _kill(*_: Any, **__: Any) -> None:
    raise Killed


def _nothing_yet(row: Request) -> None:
    """And it is not looked at while the one that was killed could still be at work."""
    row = fresh(row)
    assert (row.state, row.migration, Migration.objects.count()) == ("queued", None, 0)
    assert row.look_at is not None
    assert row.look_at > timezone.now() + timedelta(seconds=60)
    assert ledger.claim(row.pk, timezone.now()) is None


# --- twice --------------------------------------------------------------------------------------------------------------


def test_a_second_delivery_does_nothing(shop: Asking, web: Guest) -> None:
    row = shop.ask(web)
    at_once(*[lambda: shop.advance(row, due=False)] * 3)
    assert (Migration.objects.count(), Preflight.objects.count()) == (1, 1)
    before = fresh(row)
    after = shop.advance(row)
    assert (after.epoch, after.state, Migration.objects.count()) == (before.epoch, "queued", 1)


def test_an_old_claim_writes_nothing(shop: Asking, web: Guest) -> None:
    row = shop.ask(web, not_before=in_hours(1))
    old = ledger.claim(row.pk, timezone.now())
    assert old is not None
    shop.advance(row)
    with pytest.raises(ledger.LostRequest), transaction.atomic():
        ledger.settle(old, RequestState.FAILED, "late")
    assert fresh(row).state == "waiting_window"


def test_two_people_ask_at_once(shop: Asking, web: Guest) -> None:
    found = at_once(lambda: shop.ask(web), lambda: shop.ask(web, by=shop.max))
    assert sorted(type(one).__name__ for one in found) == ["AlreadyAsked", "Request"]
    assert isinstance(next(one for one in found if not isinstance(one, Request)), AlreadyAsked)


def test_two_ask_at_once_for_the_last_of_a_quota(shop: Asking, web: Guest, scene: Scene) -> None:
    other = shop.owns(scene.add_guest("web-02"))
    Quota.objects.create(team=shop.team, at_once=1)
    found = at_once(lambda: shop.ask(web), lambda: shop.ask(other, by=shop.max))
    assert sorted(type(one).__name__ for one in found) == [OverQuota.__name__, "Request"]


# --- operations want the VM ---------------------------------------------------------------------------------------------


def test_operations_need_a_vm_whose_request_waits(shop: Asking, web: Guest, fake: FakeGuest, scene: Scene) -> None:
    Rule.objects.create(name="leads decide", role="lead")
    row = shop.advance(shop.ask(web))
    move = scene.request(fake)
    row = fresh(row)
    assert (row.state, row.text) == ("withdrawn", course.NEEDED)
    assert Approval.objects.get().state == "withdrawn"
    assert scene.run(move).state == State.DONE


def test_operations_need_a_vm_whose_migration_is_queued(
    shop: Asking, web: Guest, fake: FakeGuest, scene: Scene
) -> None:
    row = shop.advance(shop.ask(web))
    scene.request(fake)
    row = fresh(row)
    assert (row.state, row.text) == ("withdrawn", course.NEEDED)
    assert row.migration is not None
    assert row.migration.state == State.CANCELLED
    assert told(row)[-1] == course.NEEDED


def test_what_has_begun_goes_on(shop: Asking, web: Guest, fake: FakeGuest, scene: Scene) -> None:
    row = shop.advance(shop.ask(web))
    assert row.migration is not None
    Migration.objects.filter(pk=row.migration.pk).update(state=State.COPYING_MEMORY)
    Request.objects.filter(pk=row.pk).update(state=RequestState.MOVING)
    with pytest.raises(AlreadyMoving):
        scene.request(fake)
    assert fresh(row).state == "moving"


def test_operations_win_while_a_place_is_chosen(
    shop: Asking, web: Guest, fake: FakeGuest, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, plan = shop.ask(web), advancing.make_plan

    def slowly(*args: Any) -> Any:
        scene.request(fake)
        return plan(*args)

    monkeypatch.setattr(advancing, "make_plan", slowly)
    row = shop.advance(row)
    assert (row.state, row.migration, row.text) == ("withdrawn", None, course.NEEDED)
    assert Migration.objects.get().lane == "operations"


def test_operations_and_the_team_at_the_same_moment(shop: Asking, web: Guest, fake: FakeGuest, scene: Scene) -> None:
    """Whoever is first: at the end there is one active migration, and it is that of operations."""
    row = shop.ask(web)
    found = at_once(lambda: shop.advance(row, due=False), lambda: scene.request(fake))
    assert not [one for one in found if isinstance(one, Exception)], found
    active = Migration.objects.active().get()
    assert (active.lane, fresh(row).state) == ("operations", "withdrawn")


def test_withdrawn_while_a_place_is_chosen(shop: Asking, web: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    row, plan = shop.ask(web), advancing.make_plan

    def slowly(*args: Any) -> Any:
        withdraw(fresh(row), by=shop.mia)
        return plan(*args)

    monkeypatch.setattr(advancing, "make_plan", slowly)
    assert shop.advance(row).state == "withdrawn"
    assert not Migration.objects.exists()


def test_operations_in_the_queue_come_before_the_portal(shop: Asking, web: Guest, scene: Scene) -> None:
    row = shop.advance(shop.ask(web))
    assert row.migration is not None
    Migration.objects.filter(pk=row.migration.pk).update(state=State.QUEUED)
    assert may_begin(row.migration)
    other = scene.request(scene.add_guest("db-09"))
    Migration.objects.filter(pk=other.pk).update(state=State.QUEUED)
    assert not may_begin(row.migration)
    assert may_begin(other)
