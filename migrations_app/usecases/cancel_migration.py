"""A person cancels. Before libvirt was asked it ends at once; afterwards the worker aborts and the hosts are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import Kind as Entry
from kvmweb.web.plain import isolated
from migrations_app.domain.lifecycle import TERMINAL, WAITING, State
from migrations_app.models import Migration
from migrations_app.usecases.errors import TooLate

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def cancel_migration(migration: Migration, *, by: User, reason: str = "") -> Migration:
    """Set the flag and end what has not begun. A second time changes nothing, also after it has ended in `cancelled`.

    Raises PermissionDenied, TooLate.
    """
    require(by, Right.MOVE)
    now = timezone.now()
    who = isolated(by.get_username())
    topic = writer.migration_topic(migration.pk)
    rows = Migration.objects.filter(pk=migration.pk)
    with transaction.atomic():
        flagged = rows.exclude(state__in=TERMINAL).filter(cancel_requested_at=None)
        if flagged.update(cancel_requested_at=now, cancelled_by_name=by.get_username()):
            writer.write(topic, Entry.ACTION, f"{who} asked to cancel the migration.", actor=by, reason=reason)
        elif rows.exclude(state__in=TERMINAL).exclude(cancelled_by_name=by.get_username()).exists():
            writer.write(topic, Entry.ACTION, f"{who} asked to cancel it too.", actor=by, reason=reason)
        sentence = f"{migration.guest_name} was not touched: the migration was cancelled before it began."
        ended = rows.filter(state__in=WAITING).update(
            state=State.CANCELLED, state_text=sentence, state_since=now, finished_at=now
        )
        if ended:
            writer.write(topic, Entry.STATE, sentence, body={"state": State.CANCELLED})
        writer.signal(writer.MIGRATIONS, migration=migration.pk)
        migration.refresh_from_db()
    if migration.terminal and migration.state != State.CANCELLED:
        raise TooLate(migration)
    return migration
