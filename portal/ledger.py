"""The one door for the state of a request: a conditional update that hits one row, and its journal entry, commit
together. The texts are for the team: they name no host, address or path."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from approvals.usecases.ask import withdraw_approvals
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from portal.domain.states import NOT_BEGUN, TERMINAL, RequestState
from portal.models import Request

#: a worker that plans is believed to be gone after so long: longer than the queue lets it run
LEASE = timedelta(seconds=150)
#: told of each new state or text, in the transaction that writes it; registered in the app's `ready`
TOLD: list[Callable[[int, RequestState, str], None]] = []


class LostRequest(Exception):
    """Somebody else works on this request now, or it has ended: write nothing more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to decide about one request that has not begun."""

    pk: int
    epoch: int


def claim(pk: int, now: datetime) -> Claim | None:
    """Take a request that is due; None when it is not, or somebody else was first."""
    row = Request.objects.filter(pk=pk, state__in=NOT_BEGUN, look_at__lte=now).only("epoch", "look_at").first()
    if row is None:
        return None
    mine = Request.objects.filter(pk=pk, epoch=row.epoch, state__in=NOT_BEGUN)
    if mine.update(epoch=row.epoch + 1, look_at=now + LEASE) != 1:
        return None
    return Claim(pk=pk, epoch=row.epoch + 1)


def lock(held: Claim) -> Request:
    """Until the end of the transaction nobody else changes it. Raises LostRequest."""
    rows = Request.objects.select_for_update().filter(pk=held.pk, epoch=held.epoch, state__in=NOT_BEGUN)
    row: Request | None = rows.first()
    if row is None:
        raise LostRequest(f"request {held.pk} has changed since epoch {held.epoch}")
    return row


def settle(held: Claim, new: RequestState, text: str, *, look_at: datetime | None = None, **fields: Any) -> None:
    """For who has the claim, inside a transaction. `look_at`: when to look again, at `not_after` at the latest. The
    journal tells only what is new. Raises LostRequest."""
    row = lock(held)
    same = (row.state, row.text) == (new, text)
    changed: dict[str, Any] = {} if same else _written(new, text)
    if look_at is not None and row.not_after is not None:
        look_at = min(look_at, row.not_after)
    Request.objects.filter(pk=held.pk).update(**changed, look_at=look_at, **fields)
    if not same:
        _tell(held.pk, new, text)


def release(held: Claim, now: datetime) -> None:
    """Let go: whoever looks next may go on at once."""
    Request.objects.filter(pk=held.pk, epoch=held.epoch, state__in=NOT_BEGUN).update(look_at=now)


def change(pk: int, old: Iterable[RequestState], new: RequestState, text: str, **fields: Any) -> bool:
    """For people and for the course of the migration, inside a transaction. Who plans meanwhile loses the claim. False:
    the request is in none of these states any more."""
    rows = Request.objects.filter(pk=pk, state__in=list(old))
    if rows.update(**_written(new, text), epoch=F("epoch") + 1, **{"look_at": None, **fields}) != 1:
        return False
    _tell(pk, new, text)
    return True


def wake(pk: int, now: datetime) -> bool:
    """What it waited for has changed."""
    rows = Request.objects.filter(pk=pk, state__in=NOT_BEGUN, migration=None)
    return rows.update(look_at=now, epoch=F("epoch") + 1) == 1


def _written(new: RequestState, text: str) -> dict[str, Any]:
    return {"state": new, "text": text, "state_since": timezone.now()}


def _tell(pk: int, state: RequestState, text: str) -> None:
    topic = writer.request_topic(pk)
    writer.write(topic, EntryKind.STATE, text, body={"state": state})
    if state in TERMINAL:
        withdraw_approvals(topic)
    for told in TOLD:
        told(pk, state, text)
