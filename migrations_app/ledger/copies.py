"""How the rows of rollback copies change: kept with the end of their migration, deleted at a user's request."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from kvmweb.database import patiently
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated
from migrations_app.ledger.claims import PATIENCE_SECONDS, LostClaim
from migrations_app.models import CopyState, RollbackCopy

if TYPE_CHECKING:
    from django.contrib.auth.models import User

#: a worker that has not ended a deletion by then is gone: the watcher gives it to another one
LEASE = timedelta(minutes=3)


def keep_copies(copies: Iterable[RollbackCopy]) -> None:
    """Inside the transaction that ends the migration in `done` (`change_state(..., also=…)`). A repetition does
    nothing."""
    for copy in copies:
        _, new = RollbackCopy.objects.get_or_create(
            migration_id=copy.migration_id,
            disk=copy.disk,
            defaults={
                field.attname: getattr(copy, field.attname)
                for field in RollbackCopy._meta.concrete_fields
                if field.attname not in ("id", "migration_id", "disk")
            },
        )
        if new:
            text = f"{copy.path} on {copy.host} stays as the rollback copy of disk {copy.disk}."
            writer.write(writer.migration_topic(copy.migration_id), EntryKind.NOTE, text)


def ask_deletion(pk: int, *, by: User, reason: str = "") -> bool:
    """Inside the caller's transaction. False when it is not `present` any more."""
    name = by.get_username()
    now = timezone.now()
    rows = RollbackCopy.objects.filter(pk=pk, state=CopyState.PRESENT)
    changed = rows.update(
        state=CopyState.DELETING, state_text="", state_since=now, asked_by=by, asked_by_name=name, epoch=F("epoch") + 1
    )
    if changed:
        copy = RollbackCopy.objects.select_related("host").get(pk=pk)
        text = f"{isolated(name)} asked to delete the rollback copy of disk {copy.disk}, {copy.path} on {copy.host}."
        writer.write(writer.migration_topic(copy.migration_id), EntryKind.ACTION, text, actor=by, reason=reason)
        writer.signal(writer.MIGRATIONS)
    return bool(changed)


def take_deletion(pk: int) -> RollbackCopy | None:
    """For a worker: the copy to delete, with the epoch that the worker writes with. None when there is nothing to do,
    or another worker does it."""
    now = timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    rows = RollbackCopy.objects.filter(free, pk=pk, state=CopyState.DELETING)
    if rows.update(epoch=F("epoch") + 1, leased_until=now + LEASE) != 1:
        return None
    taken: RollbackCopy = RollbackCopy.objects.select_related("host", "migration").get(pk=pk)
    return taken


@patiently(seconds=PATIENCE_SECONDS)
def note_deletion(copy: RollbackCopy) -> None:
    """Before libvirt is asked to delete it, with a new lease for that. Raises LostClaim."""
    _mine(copy, delete_called=True, leased_until=timezone.now() + LEASE)
    copy.delete_called = True


@patiently(seconds=PATIENCE_SECONDS)
@transaction.atomic
def end_deletion(copy: RollbackCopy, new: CopyState, text: str) -> None:
    """`present`: it may be asked for again; whether libvirt was asked stays known then. Raises LostClaim."""
    now, called = timezone.now(), copy.delete_called
    _mine(copy, state=new, state_text=text, state_since=now, leased_until=None, delete_called=called)
    writer.write(writer.migration_topic(copy.migration_id), EntryKind.NOTE, text)
    writer.signal(writer.MIGRATIONS)


def _mine(copy: RollbackCopy, **fields: object) -> None:
    if RollbackCopy.objects.filter(pk=copy.pk, epoch=copy.epoch, state=CopyState.DELETING).update(**fields) != 1:
        raise LostClaim(f"rollback copy {copy.pk} has another owner")
