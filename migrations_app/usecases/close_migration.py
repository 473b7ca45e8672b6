"""An admin has looked where the VM is and ends a migration that the hosts alone cannot end. No host is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated
from migrations_app import ledger
from migrations_app.domain.gate import Later
from migrations_app.domain.lifecycle import State
from migrations_app.hooks import CLOSING
from migrations_app.models import Migration
from migrations_app.usecases.errors import NothingToClose, RequestRefused

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def close_migration(migration: Migration, *, by: User, reason: str, break_glass: str = "") -> Migration | Later:
    """`needs_attention` becomes `failed`, with who closed it and why; the VM may be moved again. Nothing is cleaned up.
    Later: others must approve it first; `break_glass` is the reason not to wait for them.

    Raises PermissionDenied, RequestRefused (no reason), NothingToClose.
    """
    require(by, Right.CLOSE, migration)
    if not reason.strip():
        raise RequestRefused("reason", "Say where the VM is and how you know.")
    with transaction.atomic():
        migration.refresh_from_db()
        if migration.state != State.NEEDS_ATTENTION:
            raise NothingToClose(migration)
        for ask in CLOSING:
            if later := ask(migration, by, reason, break_glass):
                return later
        name = by.get_username()
        if not _close(migration, name, f"{isolated(name)} closed this migration", by=by, reason=reason):
            migration.refresh_from_db()
            raise NothingToClose(migration)
    migration.refresh_from_db()
    return migration


def close_agreed(migration: Migration, *, wished_by: str, by: User | None, reason: str) -> bool:
    """What one admin wished and another one, `by`, approved, in the caller's transaction. False: it is over already."""
    agreed = f", and {isolated(by.get_username())} agreed" if by else ""
    done = f"{isolated(wished_by)} closed this migration{agreed}"
    return _close(migration, wished_by, done, by=by, reason=reason)


def _close(migration: Migration, name: str, done: str, *, by: User | None, reason: str) -> bool:
    last = {"cause": f"Last known: {migration.state_text}", "what_to_do": ""}
    ended = ledger.end_by_person(
        migration.pk,
        states=[State.NEEDS_ATTENTION],
        new=State.FAILED,
        text=f"{done}: {reason.strip()}",
        closed_by_name=name,
        error=last,
    )
    if ended:
        writer.write(migration.topic, EntryKind.ACTION, f"{done}.", actor=by, reason=reason)
    return ended
