"""A user asks something of a running migration. The worker takes the order, and the hosts show the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated
from migrations_app import ledger
from migrations_app.domain.lifecycle import WAITING, State
from migrations_app.domain.order import Order as OrderRow
from migrations_app.domain.orders.cancel import ORDER as CANCEL
from migrations_app.models import Migration
from migrations_app.usecases.errors import TooLate

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def cancel_migration(migration: Migration, *, by: User, reason: str = "") -> Migration:
    """Before libvirt was asked it ends at once; afterwards the worker aborts. A second time changes nothing, also after
    it has ended in `cancelled`. Raises PermissionDenied, TooLate."""
    return give_order(migration, CANCEL, by=by, reason=reason)


def give_order(migration: Migration, order: OrderRow, *, by: User, value: Any = None, reason: str = "") -> Migration:
    """Raises PermissionDenied, TooLate."""
    require(by, Right.MOVE)
    with transaction.atomic():
        row = Migration.objects.select_for_update().get(pk=migration.pk)
        if not row.terminal:
            _ask(row, order, by, value, reason)
        if order.stops_what_waits:
            sentence = f"{row.guest_name} was not touched: the migration was cancelled before it began."
            ledger.end_by_person(row.pk, states=WAITING, new=State.CANCELLED, text=sentence)
        writer.signal(writer.MIGRATIONS, migration=row.pk)
    migration.refresh_from_db()
    if migration.terminal and not (order.stops_what_waits and migration.state == State.CANCELLED):
        raise TooLate(migration)
    return migration


def _ask(row: Migration, order: OrderRow, by: User, value: Any, reason: str) -> None:
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
            asked_at=timezone.now(),
        )
    text = f"{isolated(by.get_username())} {words}"
    writer.write(writer.migration_topic(row.pk), EntryKind.ACTION, text, actor=by, reason=reason)
