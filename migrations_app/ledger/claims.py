"""The right to write to a migration: claim, lease, fencing.

Every write of an owner carries its epoch. Whoever takes a migration over raises the epoch, so that a write of the old
owner, frozen and woken again, hits no row and raises LostClaim.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from kvmweb.database import hurried
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from migrations_app.domain.lifecycle import State
from migrations_app.ledger.owners import machine, pid_started
from migrations_app.models import Migration

#: a write of an owner is retried this long when the database is locked or away; libvirt goes on meanwhile
PATIENCE_SECONDS = 600.0
#: a heartbeat or a number that comes late is worth nothing
HURRY_MS = 500
#: written where nobody owns a migration any more
NOBODY: dict[str, Any] = {"owner": "", "owner_pid": None, "owner_pid_started": None}


class LostClaim(Exception):
    """Somebody else works on this migration now, or it has ended: stop, write nothing more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write to one migration."""

    pk: int
    owner: str
    epoch: int


def claim(
    pk: int,
    *,
    states: Iterable[State],
    become: State | None = None,
    text: str = "",
    also: Callable[[], dict[str, Any] | None] = dict,
) -> Claim | None:
    """Take a migration that is in one of `states`; None when it is not, or somebody else was first.

    `become` changes its state in the same step. `also` is asked inside the transaction for more to write; None from it
    leaves the migration where it is. The old owner must be known to be gone (see `end_owner`).
    """
    owner = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"
    with transaction.atomic():
        row = Migration.objects.filter(pk=pk, state__in=list(states)).only("epoch", "state").first()
        more = also() if row is not None else None
        if row is None or more is None:
            return None
        fields: dict[str, Any] = {
            **more,
            "owner": owner,
            "owner_machine": machine(),
            "owner_pid": os.getpid(),
            "owner_pid_started": pid_started(os.getpid()),
            "epoch": row.epoch + 1,
            "heartbeat": F("heartbeat") + 1,
        }
        if become is not None and row.state != become:
            fields |= {"state": become, "state_text": text, "state_since": timezone.now()}
        if not Migration.objects.filter(pk=pk, epoch=row.epoch, state=row.state).update(**fields):
            return None
        if become is not None and row.state != become:
            tell(pk, become, text, {"owner": owner})
        return Claim(pk=pk, owner=owner, epoch=row.epoch + 1)


def release(held: Claim) -> None:
    """Let go without changing the state: whoever looks next may adopt at once."""
    Migration.objects.filter(pk=held.pk, epoch=held.epoch).update(**NOBODY)


def beat(held: Claim) -> None:
    """Increment the heartbeat counter; raises LostClaim when somebody else took over."""
    with hurried(milliseconds=HURRY_MS):
        if not Migration.objects.filter(pk=held.pk, epoch=held.epoch).update(heartbeat=F("heartbeat") + 1):
            raise LostClaim(f"migration {held.pk} has another owner")


def tell(pk: int, state: State, text: str, body: dict[str, Any]) -> None:
    """The journal entry of a new state, in the caller's transaction."""
    writer.write(writer.migration_topic(pk), EntryKind.STATE, text, body={"state": state, **body})
    writer.signal(writer.MIGRATIONS, migration=pk)
