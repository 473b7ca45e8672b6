"""What a worker is asked while it runs: taken before it acts, answered once, safe when the worker dies between."""

from __future__ import annotations

from typing import Any

import pytest

from hosts.calls.steer import LimitDowntime
from hosts.gateway.port import Refused
from migrations_app import ledger
from migrations_app.domain.lifecycle import IN_FLIGHT, State
from migrations_app.domain.order import Answer, Next, OrderState
from migrations_app.domain.order import Order as OrderRow
from migrations_app.domain.orders import ORDERS
from migrations_app.models import Migration, Order
from migrations_app.usecases.errors import TooLate
from migrations_app.usecases.give_order import cancel_migration, give_order
from migrations_app.worker.watch import steering
from tests.db.moving import Scene, eventually, fresh, in_state, said

pytestmark = pytest.mark.dual


class Killed(BaseException):
    """The worker's process ends here."""


@pytest.fixture
def migration(scene: Scene) -> Migration:
    """Copies until it is told to continue."""
    guest = scene.add_guest()
    scene.script(guest).go_on.clear()
    return scene.request(guest)


def order_of(migration: Migration) -> Order:
    return migration.orders.get()


def test_an_order_is_taken_and_applied(scene: Scene, migration: Migration, operator: Any) -> None:
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    cancel_migration(migration, by=operator, reason="wrong host")
    worker.join(10)
    order = order_of(migration)
    assert (fresh(migration).state, order.state, order.reason) == (State.CANCELLED, "applied", "wrong host")
    assert order.asked_at <= order.taken_at <= order.done_at


def test_an_order_that_comes_before_any_worker_needs_none(scene: Scene, migration: Migration, operator: Any) -> None:
    assert cancel_migration(migration, by=operator).state == State.CANCELLED
    assert (order_of(migration).state, order_of(migration).taken_at) == ("applied", None)
    assert scene.fleet.calls == []


def test_what_was_asked_never_changes(scene: Scene, migration: Migration, operator: Any, admin: Any) -> None:
    ledger.claim(migration.pk, states=[State.REQUESTED], become=State.CHECKING)
    for by, reason in ((operator, "first"), (operator, "again"), (admin, "me too")):
        cancel_migration(migration, by=by, reason=reason)
    order = order_of(migration)
    assert (order.asked_by, order.reason, order.state) == (operator, "first", "waiting")
    assert said(migration).count("asked to cancel") == 2


def test_an_order_that_comes_too_late_is_refused(scene: Scene, migration: Migration, operator: Any) -> None:
    """It was given, and the guest arrived all the same."""
    move = scene.fleet.moves[str(migration.guest_id)]
    scene.fleet["kvm-a"].fail("abort", Refused("cannot abort now", code=55), times=1000)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    cancel_migration(migration, by=operator)
    eventually(lambda: order_of(migration).state == "taken")
    move.go_on.set()
    worker.join(10)
    order = order_of(migration)
    assert (fresh(migration).state, order.state, order.text) == (State.DONE, "refused", "The cancel came too late.")
    with pytest.raises(TooLate):
        cancel_migration(migration, by=operator)
    assert migration.orders.count() == 1


def test_an_adopter_reads_libvirt_before_it_acts_on_an_order_that_was_taken(
    scene: Scene, migration: Migration, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is killed between `taken` and the abort."""

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(steering.Steering, "_obey", killed)
        worker = scene.in_background(lambda row: _until_killed(scene, row), migration)
        eventually(in_state(migration, *IN_FLIGHT))
        cancel_migration(migration, by=operator)
        worker.join(10)
    assert (order_of(migration).state, "abort" in scene.fleet.methods()) == ("taken", False)
    Migration.objects.filter(pk=migration.pk).update(owner="")
    scene.fleet.calls.clear()
    end = scene.adopt(migration)
    assert (end.state, order_of(migration).state) == (State.CANCELLED, "applied")
    methods = scene.fleet.methods("kvm-a")
    assert methods.index("look") < methods.index("abort")


def test_an_order_is_not_repeated_on_a_job_that_is_over(
    scene: Scene, migration: Migration, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken by a worker that died; meanwhile the guest has arrived."""
    with monkeypatch.context() as patched:
        patched.setattr(steering.Steering, "_obey", lambda *_: (_ for _ in ()).throw(Killed()))
        worker = scene.in_background(lambda row: _until_killed(scene, row), migration)
        eventually(in_state(migration, *IN_FLIGHT))
        cancel_migration(migration, by=operator)
        worker.join(10)
    move = scene.fleet.moves[str(migration.guest_id)]
    move.go_on.set()
    move.over.wait(5)
    Migration.objects.filter(pk=migration.pk).update(owner="")
    end = scene.adopt(migration)
    assert (end.state, order_of(migration).state) == (State.DONE, "refused")
    assert "abort" not in scene.fleet.methods()


def test_a_worker_that_lost_its_claim_takes_no_order(scene: Scene, migration: Migration, operator: Any) -> None:
    old = ledger.claim(migration.pk, states=[State.REQUESTED], become=State.CHECKING)
    assert old is not None
    cancel_migration(migration, by=operator)
    Migration.objects.filter(pk=migration.pk).update(epoch=9)
    for late in (ledger.orders_wait, ledger.take_orders):
        with pytest.raises(ledger.LostClaim):
            late(old)
    assert order_of(migration).state == "waiting"


def test_a_new_order_is_one_object(
    scene: Scene, migration: Migration, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Orders are taken, passed to libvirt after an observation, closed, and not repeated; after the end it is too late."""
    limit = OrderRow(
        what="max_downtime_ms",
        asked="asked for another longest downtime.",
        next=lambda seen: (
            Next()
            if not seen.moving
            else Next(tell=LimitDowntime(seen.value))
            if seen.since is None
            else Next(answer=Answer(state=OrderState.APPLIED, text="It is set."))
        ),
        ended=lambda _: Answer(state=OrderState.REFUSED),
    )
    monkeypatch.setitem(ORDERS, limit.what, limit)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    give_order(migration, limit, by=operator, value=450)
    eventually(lambda: order_of(migration).state == "applied")
    assert (order_of(migration).text, order_of(migration).value) == ("It is set.", 450)
    scene.fleet.moves[str(migration.guest_id)].go_on.set()
    worker.join(10)
    set_to = [call.arguments[1] for call in scene.fleet.calls if call.method == "set_limit"]
    assert (fresh(migration).state, set_to, order_of(migration).state) == (State.DONE, [LimitDowntime(450)], "applied")
    assert "olga asked for another longest downtime." in said(migration)
    with pytest.raises(TooLate):
        give_order(migration, limit, by=operator, value=500)
    assert migration.orders.count() == 1


def _until_killed(scene: Scene, migration: Migration) -> Migration:
    try:
        return scene.run(migration)
    except Killed:
        return migration
