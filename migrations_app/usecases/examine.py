"""A user wants a VM that has arrived to be tested again, or its clock to be set right. A worker does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.queue import enqueue
from kvmweb.web.plain import isolated
from migrations_app.domain.arrival import Sign
from migrations_app.domain.lifecycle import State
from migrations_app.ledger import examine_later
from migrations_app.models import Migration
from migrations_app.usecases.errors import NotOffered

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def examine_again(migration: Migration, *, by: User) -> Migration:
    """Raises PermissionDenied, NotOffered."""
    require(by, Right.MOVE, migration)
    _offered(migration)
    with transaction.atomic():
        examine_later(migration.pk)
    return migration


def correct_clock(migration: Migration, *, by: User, reason: str = "") -> Migration:
    """Through the guest agent, to kvmweb's own. Raises PermissionDenied, NotOffered."""
    require(by, Right.MOVE, migration)
    _offered(migration)
    if not any(one["test"] == Sign.AGENT for one in migration.arrival):
        raise NotOffered(migration, "This VM has no guest agent that could set its clock.")
    with transaction.atomic():
        text = f"{isolated(by.get_username())} wants the VM's clock to be set to kvmweb's"
        writer.write(migration.topic, EntryKind.ACTION, text, actor=by, reason=reason)
        enqueue("migrations_app.tasks.set_clock", migration.pk)
    return migration


def _offered(migration: Migration) -> None:
    if migration.state != State.DONE or not migration.arrival:
        raise NotOffered(migration, "Only a VM that has arrived, and was started there, is tested.")
    newer = Migration.objects.filter(guest=migration.guest_id, pk__gt=migration.pk)
    if newer.filter(call_made=True).exists():
        raise NotOffered(migration, "The VM has migrated again since.")
