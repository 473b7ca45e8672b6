"""What a policy decides: written down with what it remembers, before libvirt is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from kvmweb.database import patiently
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from migrations_app.domain.convergence.action import Action
from migrations_app.domain.orders.finish import ORDER as FINISH
from migrations_app.domain.orders.max_downtime_ms import ORDER as MAX_DOWNTIME
from migrations_app.ledger.claims import PATIENCE_SECONDS, Claim, LostClaim
from migrations_app.models import Decision, Migration, Order


def keep_decisions(held: Claim, actions: Iterable[Action], **fields: Any) -> list[Decision]:
    """Each with its sentence in the journal, in one transaction with these fields of the row. Raises LostClaim."""

    @patiently(seconds=PATIENCE_SECONDS)
    @transaction.atomic
    def write() -> list[Decision]:
        rows = Migration.objects.filter(pk=held.pk, epoch=held.epoch)
        if rows.update(**fields, epoch=held.epoch) != 1:  # with no field, too
            raise LostClaim(f"migration {held.pk} has another owner")
        return [_keep(held.pk, action) for action in actions]

    return write()


def decisions_of(held: Claim) -> list[Decision]:
    """All that were made, oldest first."""
    return list(Decision.objects.filter(migration=held.pk).order_by("pk"))


def decision_applied(held: Claim, decision: Decision) -> None:
    """libvirt has taken it. Raises LostClaim."""

    @patiently(seconds=PATIENCE_SECONDS)
    @transaction.atomic
    def write() -> None:
        if not Migration.objects.select_for_update().filter(pk=held.pk, epoch=held.epoch).exists():
            raise LostClaim(f"migration {held.pk} has another owner")
        if Decision.objects.filter(pk=decision.pk, applied=False).update(applied=True):
            writer.signal(writer.MIGRATIONS, migration=held.pk)

    write()
    decision.applied = True


def downtime_ordered(held: Claim, *, since: datetime) -> bool:
    """Whether a user has asked for another downtime since then."""
    return Order.objects.filter(
        migration=held.pk, what__in=(MAX_DOWNTIME.what, FINISH.what), asked_at__gt=since
    ).exists()


def _keep(pk: int, action: Action) -> Decision:
    made = Decision.objects.create(
        migration_id=pk,
        at=timezone.now(),
        action=action.act,
        downtime_ms=action.downtime_ms,
        text=action.text,
        numbers=action.numbers,
    )
    body = {"decision": made.pk, "action": action.act, "numbers": action.numbers}
    writer.write(writer.migration_topic(pk), EntryKind.NOTE, action.text, body=body)
    return made
