"""What a worker is asked while it runs: given by a user, taken by the worker, answered once."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from hosts.calls.steer import Limit
from kvmweb.database import patiently
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated
from migrations_app.domain.lifecycle import State
from migrations_app.domain.order import OPEN, Answer, OrderState
from migrations_app.domain.orders import ORDERS
from migrations_app.ledger.claims import PATIENCE_SECONDS, Claim, LostClaim
from migrations_app.models import Migration, Order


def orders_wait(held: Claim) -> bool:
    """Whether there is an order that nobody has taken. Raises LostClaim."""
    waiting = Order.objects.filter(migration=OuterRef("pk"), state=OrderState.WAITING)

    @patiently(seconds=PATIENCE_SECONDS)
    def read() -> list[bool]:
        rows = Migration.objects.filter(pk=held.pk, epoch=held.epoch)
        return list(rows.annotate(news=Exists(waiting)).values_list("news", flat=True))

    if not (found := read()):
        raise LostClaim(f"migration {held.pk} has another owner")
    return found[0]


def stop_asked(held: Claim) -> bool:
    """Whether an order is open that stops a migration before libvirt is asked."""
    stopping = [order.what for order in ORDERS.values() if order.stops_what_waits]
    return Order.objects.filter(migration=held.pk, what__in=stopping, state__in=OPEN).exists()


def order_by_policy(pk: int, what: str, policy: str) -> None:
    """Inside a transaction: the same as if a user had given it, unless there is an open one."""
    if Order.objects.filter(migration=pk, what=what, state__in=OPEN).exists():
        return
    name = f"policy “{isolated(policy)}”"
    Order.objects.create(migration_id=pk, what=what, asked_by_name=f"policy {policy}", asked_at=timezone.now())
    writer.write(writer.migration_topic(pk), EntryKind.NOTE, f"The {name} {ORDERS[what].asked}")


def take_orders(held: Claim) -> list[Order]:
    """Take those that wait; all that are taken and not answered come back, oldest first. Raises LostClaim."""

    @patiently(seconds=PATIENCE_SECONDS)
    @transaction.atomic
    def write() -> list[Order]:
        _must_be_owner(held)
        orders = Order.objects.filter(migration=held.pk).order_by("pk")
        orders.filter(state=OrderState.WAITING).update(state=OrderState.TAKEN, taken_at=timezone.now())
        return list(orders.filter(state=OrderState.TAKEN))

    return write()


def order_told(held: Claim, order: Order, limit: Limit) -> None:
    """Before libvirt is told: what it is asked for. Raises LostClaim."""
    (requested,) = astuple(limit)

    @patiently(seconds=PATIENCE_SECONDS)
    @transaction.atomic
    def write() -> None:
        _must_be_owner(held)
        Order.objects.filter(pk=order.pk, state=OrderState.TAKEN).update(requested=requested)

    write()


def was_told(held: Claim, what: str) -> bool:
    """Whether libvirt was asked for what such an order wants, or was about to be."""
    return Order.objects.filter(migration=held.pk, what=what, requested__isnull=False).exists()


def answer_order(held: Claim, order: Order, answer: Answer, *, read_back: int | None = None) -> None:
    """One that was taken; a second answer changes nothing. Raises LostClaim."""

    @patiently(seconds=PATIENCE_SECONDS)
    @transaction.atomic
    def write() -> None:
        _must_be_owner(held)
        rows = Order.objects.filter(pk=order.pk, state=OrderState.TAKEN)
        rows.update(**answered(answer), read_back=read_back)
        writer.signal(writer.MIGRATIONS, migration=held.pk)

    write()


def answer_all(pk: int, ended: State) -> None:
    """Inside the transaction that ends a migration: its open orders end too."""
    for order in Order.objects.filter(migration=pk, state__in=OPEN):
        given = ORDERS[order.what].ended(ended)
        Order.objects.filter(pk=order.pk, state__in=OPEN).update(**answered(given))


def _must_be_owner(held: Claim) -> None:
    """Inside a transaction; it holds until its end."""
    if not Migration.objects.select_for_update().filter(pk=held.pk, epoch=held.epoch).exists():
        raise LostClaim(f"migration {held.pk} has another owner")


def answered(answer: Answer) -> dict[str, Any]:
    return {"state": answer.state, "text": answer.text, "done_at": timezone.now()}
