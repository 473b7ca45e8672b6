"""A user wants a VM that has arrived to be tested again, or its clock to be set right. A worker does it."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import Entry, EntryKind
from kvmweb.queue import enqueue
from kvmweb.web.plain import isolated
from migrations_app.domain.arrival import Sign
from migrations_app.domain.lifecycle import State
from migrations_app.ledger import examine_later
from migrations_app.models import Migration
from migrations_app.usecases.errors import NotOffered

if TYPE_CHECKING:
    from django.contrib.auth.models import User


#: between two wishes for one VM: a test takes about that long
AGAIN_SECONDS = 10
#: VMs that users want to be tested within that time. Preflight checks wait behind them.
MOST_AT_ONCE = 10


def examine_again(migration: Migration, *, by: User) -> Migration:
    """Raises PermissionDenied, NotOffered."""
    require(by, Right.MOVE, migration)
    with transaction.atomic():
        _offered(migration, "arrival", "clock")
        _tell(migration, "arrival", "the VM to be tested again", by=by)
        examine_later(migration.pk)
    return migration


def correct_clock(migration: Migration, *, by: User, reason: str = "") -> Migration:
    """Through the guest agent, to kvmweb's own. Raises PermissionDenied, NotOffered."""
    require(by, Right.MOVE, migration)
    with transaction.atomic():
        _offered(migration, "clock")
        if not any(one["test"] == Sign.AGENT for one in migration.arrival):
            raise NotOffered(migration, "This VM has no guest agent that could set its clock.")
        _tell(migration, "clock", "the VM's clock to be set to kvmweb's", by=by, reason=reason)
        enqueue("migrations_app.tasks.set_clock", migration.pk)
    return migration


def _offered(migration: Migration, *wishes: str) -> None:
    """There was none of these wishes just now. Of two users at once, the second waits for the row."""
    Migration.objects.select_for_update().only("pk").get(pk=migration.pk)
    if migration.state != State.DONE or not migration.arrival:
        raise NotOffered(migration, "Only a VM that has arrived, and was started there, is tested.")
    newer = Migration.objects.filter(guest=migration.guest_id, pk__gt=migration.pk)
    if newer.filter(call_made=True).exists():
        raise NotOffered(migration, "The VM has migrated again since.")
    now = timezone.now()
    recent = Entry.objects.filter(kind=EntryKind.ACTION, created__gt=now - timedelta(seconds=AGAIN_SECONDS))
    last = recent.filter(topic=migration.topic, body__wish__in=wishes).order_by("id").last()
    if last is not None:
        left = math.ceil(max(1.0, AGAIN_SECONDS - (now - last.created).total_seconds()))
        raise NotOffered(migration, f"This was asked for a moment ago. It can be asked for again in {left} s.")
    if recent.filter(body__wish__in=("arrival", "clock")).count() >= MOST_AT_ONCE:
        raise NotOffered(migration, f"{MOST_AT_ONCE} VMs are being tested already. Try again in {AGAIN_SECONDS} s.")


def _tell(migration: Migration, wish: str, what: str, *, by: User, reason: str = "") -> None:
    text = f"{isolated(by.get_username())} wants {what}"
    writer.write(migration.topic, EntryKind.ACTION, text, body={"wish": wish}, actor=by, reason=reason)
