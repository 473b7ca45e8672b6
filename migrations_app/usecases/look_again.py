"""A user wants the hosts of a waiting migration to be tried now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from kvmweb.accounts.permissions import Right, require
from kvmweb.queue import enqueue
from migrations_app.domain.lifecycle import State
from migrations_app.domain.order import OrderState
from migrations_app.domain.orders.look import ORDER as LOOK
from migrations_app.models import Migration
from migrations_app.usecases.give_order import give_order

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def look_again(migration: Migration, *, by: User) -> Migration:
    """The worker that watches it looks at once; where none does, one is sent. While one such wish waits, another
    changes nothing, nor when no host is silent. Raises PermissionDenied, TooLate."""
    require(by, Right.MOVE, migration)
    if not migration.waiting and not migration.terminal:
        return migration
    if migration.orders.filter(what=LOOK.what, state=OrderState.WAITING).exists():
        return migration
    with transaction.atomic():
        found = give_order(migration, LOOK, by=by)
        if found.state == State.NEEDS_ATTENTION:
            # As it is seen now: a worker that has it by then goes on, and takes the order itself.
            enqueue(
                "migrations_app.tasks.adopt_migration", found.pk, found.epoch, found.heartbeat, cluster="migrations"
            )
    return found
