"""A user asks something of a running migration. The worker takes the order, and the hosts show the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.db import transaction
from django.utils import timezone

from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated
from migrations_app import ledger
from migrations_app.domain.lifecycle import WAITING, State
from migrations_app.domain.order import Order as OrderRow
from migrations_app.domain.orders import CONTROLS
from migrations_app.domain.orders.cancel import ORDER as CANCEL
from migrations_app.domain.orders.restart import ORDER as RESTART
from migrations_app.models import Migration, Order, Policy
from migrations_app.usecases.errors import NotOffered, RequestRefused, TooLate
from migrations_app.words.controls import asking, situation
from migrations_app.words.policies import UNKNOWN

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def cancel_migration(migration: Migration, *, by: User, reason: str = "") -> Migration:
    """Before libvirt was asked it ends at once; afterwards the worker aborts. A second time changes nothing, also after
    it has ended in `cancelled`. Raises PermissionDenied, TooLate."""
    return give_order(migration, CANCEL, by=by, reason=reason)


def order_by_name(
    migration: Migration, what: str, *, by: User, value: Any = None, reason: str = "", idempotency_key: str = ""
) -> Order:
    """One of a migration's controls. A repeated key gives the same order again.

    Raises PermissionDenied, RequestRefused for what no migration has and for a wrong value, NotOffered, TooLate.
    """
    require(by, Right.MOVE, migration)
    order = CONTROLS.get(what)
    if order is None:
        raise RequestRefused("what", f"An order is one of: {', '.join(CONTROLS)}.")
    if why := order.wrong(value):
        raise RequestRefused("value", why)
    if order is RESTART:
        _may_restart(migration, value, by)
    with transaction.atomic():
        row = Migration.objects.select_for_update().get(pk=migration.pk)
        mine = row.orders.filter(asked_by=by, idempotency_key=idempotency_key) if idempotency_key else None
        if mine is not None and (earlier := mine.first()):
            if (earlier.what, earlier.value) != (what, value):
                raise RequestRefused("idempotency_key", "This key was used for another order of this migration.")
            return cast("Order", earlier)
        if why := order.objection(situation(row)):
            raise NotOffered(row, why)
        given = row.orders.filter(what=what).first() if order.asked_too else None
        if given is not None and given.value != value:  # one is enough, and it was another
            raise NotOffered(row, f"{isolated(given.asked_by_name)} {asking(order.asked, order, given.value)}")
        give_order(row, order, by=by, value=value, reason=reason, idempotency_key=idempotency_key)
        return cast("Order", row.orders.filter(what=what).latest("pk"))


def _may_restart(migration: Migration, policy: str, by: User) -> None:
    """It is a new request for the same migration. Raises PermissionDenied, RequestRefused."""
    if migration.request.options.unsafe:
        require(by, Right.MOVE_UNSAFE)
    if not Policy.objects.filter(name=policy).exists():
        raise RequestRefused("value", UNKNOWN)


def give_order(
    migration: Migration,
    order: OrderRow,
    *,
    by: User,
    value: Any = None,
    reason: str = "",
    idempotency_key: str = "",
) -> Migration:
    """Raises PermissionDenied, TooLate."""
    require(by, Right.MOVE, migration)
    return _give(migration, order, by=by, value=value, reason=reason, idempotency_key=idempotency_key)


def record_cancel(migration: Migration, *, by: User, reason: str = "") -> Migration:
    """`cancel_migration` without asking whether `by` may: for who has asked already. Raises TooLate."""
    return _give(migration, CANCEL, by=by, reason=reason)


def _give(
    migration: Migration, order: OrderRow, *, by: User, value: Any = None, reason: str = "", idempotency_key: str = ""
) -> Migration:
    with transaction.atomic():
        row = Migration.objects.select_for_update().get(pk=migration.pk)
        if not row.terminal:
            _ask(row, order, by, value, reason, idempotency_key)
        if order.stops_what_waits:
            sentence = f"{row.guest_name} was not touched: the migration was cancelled before it began."
            ledger.end_by_person(row.pk, states=WAITING, new=State.CANCELLED, text=sentence)
        writer.signal(writer.MIGRATIONS, migration=row.pk)
    migration.refresh_from_db()
    if migration.terminal and not (order.stops_what_waits and migration.state == State.CANCELLED):
        raise TooLate(migration)
    return migration


def _ask(row: Migration, order: OrderRow, by: User, value: Any, reason: str, idempotency_key: str) -> None:
    """Where one order is enough, the journal still names everybody who gave it."""
    before = row.orders.filter(what=order.what) if order.asked_too else row.orders.none()
    if before.filter(asked_by=by).exists():
        return
    words = order.asked_too if before.exists() else order.asked
    if not before.exists():
        row.orders.create(
            what=order.what,
            value=value,
            asked_by=by,
            asked_by_name=by.get_username(),
            reason=reason,
            idempotency_key=idempotency_key,
            asked_at=timezone.now(),
        )
    text = f"{isolated(by.get_username())} {asking(words, order, value)}"
    writer.write(writer.migration_topic(row.pk), EntryKind.ACTION, text, actor=by, reason=reason)
