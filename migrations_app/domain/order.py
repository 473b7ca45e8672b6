"""What a worker is asked during a migration. One order = one file in `orders/`, which says when it acts and ends.

The request of an order never changes. Its state changes once: waiting, taken by a worker, then applied or refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hosts.calls.steer import Steer
from hosts.facts.guest import GuestLook, JobKind
from migrations_app.domain.lifecycle import State


class OrderState(StrEnum):
    WAITING = "waiting"
    TAKEN = "taken"
    APPLIED = "applied"
    REFUSED = "refused"


#: somebody still waits for its answer
OPEN = frozenset({OrderState.WAITING, OrderState.TAKEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a worker has just read, and what it has done for this order before. `value` is what the order asks for.

    `since` is how many seconds ago this worker told libvirt, None when it has not: then a worker before it may have.
    """

    source: GuestLook
    source_name: str
    job_over: bool
    value: Any
    since: float | None

    @property
    def moving(self) -> bool:
        """libvirt runs our migration and can be told something."""
        return self.source.job is JobKind.MIGRATION_OUT and not self.job_over


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What to do for an order now: `tell` libvirt, `say` it in the journal (once), end it (`answer`); or nothing."""

    tell: Steer | None = None
    say: str = ""
    answer: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How an order ended; `text` is for the person who gave it."""

    state: OrderState
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`asked` and `asked_too` are the journal's sentences, after the person's name. `asked_too` is for an order that is
    given once, and when another person gives it again; "" for one that may be given again and again.
    `stops_what_waits`: a migration that no worker has begun ends by it at once.

    `next` is asked at every look after a worker has taken it, with what libvirt says now: one that was taken by a
    worker that is gone is not repeated blindly. `ended` is asked when the migration ends before the order does.
    """

    what: str
    asked: str
    asked_too: str = ""
    stops_what_waits: bool = False
    next: Callable[[Seen], Next]
    ended: Callable[[State], Answer]
