"""An admin has looked where the VM is and ends a migration that the hosts alone cannot end. No host is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated
from migrations_app import ledger
from migrations_app.domain.lifecycle import State
from migrations_app.hooks import CLOSING
from migrations_app.models import Migration
from migrations_app.usecases.errors import NothingToClose, RequestRefused

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def close_migration(migration: Migration, *, by: User, reason: str) -> Migration:
    """`needs_attention` becomes `failed`, with who closed it and why; the VM may be moved again. Nothing is cleaned up.

    Raises PermissionDenied, RequestRefused (no reason), NothingToClose.
    """
    require(by, Right.CLOSE)
    if not reason.strip():
        raise RequestRefused("reason", "Say where the VM is and how you know.")
    name = by.get_username()
    done = f"{isolated(name)} closed this migration"
    text = f"{done}: {reason.strip()}"
    for ask in CLOSING:
        if why_not := ask(migration, by, reason):
            raise RequestRefused("reason", why_not)
    last = {"cause": f"Last known: {migration.state_text}", "what_to_do": ""}
    with transaction.atomic():
        writer.write(migration.topic, EntryKind.ACTION, f"{done}.", actor=by, reason=reason)
        ended = ledger.end_by_person(
            migration.pk,
            states=[State.NEEDS_ATTENTION],
            new=State.FAILED,
            text=text,
            closed_by_name=name,
            error=last,
        )
        if not ended:
            migration.refresh_from_db()
            raise NothingToClose(migration)
    migration.refresh_from_db()
    return migration
