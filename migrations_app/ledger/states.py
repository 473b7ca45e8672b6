"""The one door for state changes: a conditional update that hits one row, and its journal entry, commit together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from kvmweb.database import patiently
from migrations_app.domain.lifecycle import TERMINAL, State, allowed
from migrations_app.hooks import ATTENTION, BEGUN, ENDED
from migrations_app.ledger.claims import NOBODY, PATIENCE_SECONDS, Claim, LostClaim, tell
from migrations_app.ledger.orders import answer_all
from migrations_app.models import Migration


def change_state(
    held: Claim,
    old: State,
    new: State,
    text: str = "",
    *,
    guard: Callable[[], None] | None = None,
    also: Callable[[], None] | None = None,
    **fields: Any,
) -> None:
    """For the owner. Retried when the database is locked or away. Raises LostClaim.

    `guard` is called inside the transaction, first, and `also` after the change, before the open orders of a migration
    that has ended are closed; what they raise leaves everything as it was.
    """
    _must_be_allowed(old, new)

    @patiently(seconds=PATIENCE_SECONDS)
    @transaction.atomic
    def write() -> None:
        if guard is not None:
            guard()
        rows = Migration.objects.filter(pk=held.pk, epoch=held.epoch, state=old)
        if rows.update(**_written(new, text), **fields) != 1:
            raise LostClaim(f"migration {held.pk} is no longer {old} in epoch {held.epoch}")
        tell(held.pk, new, text, {"owner": held.owner})
        if also is not None:
            also()
        if new is State.STARTING:
            _tell_all(BEGUN, held.pk)
        if new in TERMINAL:
            _ended(held.pk, new)
        elif State.NEEDS_ATTENTION in (old, new):
            _tell_all(ATTENTION, held.pk)

    write()


def end_by_person(pk: int, *, states: Iterable[State], new: State, text: str, **fields: Any) -> bool:
    """For a user, who has no claim: end a migration that is in one of `states`, inside the caller's transaction.

    False when it is in none of them any more. A worker that is just looking at it loses its claim.
    """
    states = list(states)
    for old in states:
        _must_be_allowed(old, new)
    rows = Migration.objects.filter(pk=pk, state__in=states)
    if rows.update(**_written(new, text), epoch=F("epoch") + 1, **fields) != 1:
        return False
    tell(pk, new, text, {})
    if new in TERMINAL:
        _ended(pk, new)
    return True


def _tell_all(hooks: list[Callable[[Migration], None]], pk: int) -> None:
    if hooks:
        migration = Migration.objects.get(pk=pk)
        for tell_them in hooks:
            tell_them(migration)


def _ended(pk: int, state: State) -> None:
    answer_all(pk, state)
    if ENDED:
        migration = Migration.objects.get(pk=pk)
        for tell_them in ENDED:
            tell_them(migration, state)


def _must_be_allowed(old: State, new: State) -> None:
    if not allowed(old, new):
        raise ValueError(f"{old} may not become {new}")


def _written(new: State, text: str) -> dict[str, Any]:
    now = timezone.now()
    changed: dict[str, Any] = {"state": new, "state_text": text, "state_since": now}
    return changed | {"finished_at": now, **NOBODY} if new in TERMINAL else changed
