"""The one door for the state of a request: a conditional update that hits one row, and its journal entry, commit
together. The texts are for the team: they name no host, address or path."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from portal.domain.states import NOT_BEGUN, RequestState
from portal.models import Request

#: a worker that plans is believed to be gone after so long: longer than the queue lets it run
LEASE = timedelta(seconds=150)


class LostRequest(Exception):
    """Somebody else works on this request now, or it has ended: write nothing more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to decide about one request that has not begun."""

    pk: int
    epoch: int


def claim(pk: int, now: datetime) -> Claim | None:
    """Take a request that is due; None when it is not, or somebody else was first."""
    due = Q(look_at__lte=now) | Q(not_after__lte=now)
    row = Request.objects.filter(due, pk=pk, state__in=NOT_BEGUN).only("epoch", "look_at").first()
    if row is None:
        return None
    mine = Request.objects.filter(pk=pk, epoch=row.epoch, state__in=NOT_BEGUN)
    if mine.update(epoch=row.epoch + 1, look_at=now + LEASE) != 1:
        return None
    return Claim(pk=pk, epoch=row.epoch + 1)


def settle(held: Claim, new: RequestState, text: str, **fields: Any) -> None:
    """For who has the claim, inside a transaction. The journal tells only what is new. Raises LostRequest."""
    row = Request.objects.filter(pk=held.pk, epoch=held.epoch, state__in=NOT_BEGUN).first()
    if row is None:
        raise LostRequest(f"request {held.pk} has changed since epoch {held.epoch}")
    same = (row.state, row.text) == (new, text)
    changed = {"look_at": None, **fields, **({} if same else _written(new, text))}
    rows = Request.objects.filter(pk=held.pk, epoch=held.epoch, state=row.state)
    if rows.update(**changed) != 1:
        raise LostRequest(f"request {held.pk} has changed since epoch {held.epoch}")
    if not same:
        _tell(held.pk, new, text)


def change(pk: int, old: Iterable[RequestState], new: RequestState, text: str, **fields: Any) -> bool:
    """For people and for the course of the migration, inside a transaction. Who plans meanwhile loses the claim. False:
    the request is in none of these states any more."""
    rows = Request.objects.filter(pk=pk, state__in=list(old))
    if rows.update(**_written(new, text), look_at=None, epoch=F("epoch") + 1, **fields) != 1:
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
    writer.write(writer.request_topic(pk), EntryKind.STATE, text, body={"state": state})
