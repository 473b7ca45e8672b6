"""What a worker is asked during a migration. One order = one file in `orders/`, which says when it acts and ends.

The request of an order never changes. Its state changes once: waiting, taken by a worker, then applied or refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hosts.calls.steer import Steer
from hosts.facts.guest import GuestLook, JobKind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.option import Option
from migrations_app.domain.progress import Progress
from migrations_app.domain.request import MigrationRequest


class OrderState(StrEnum):
    WAITING = "waiting"
    TAKEN = "taken"
    APPLIED = "applied"
    REFUSED = "refused"


#: somebody still waits for its answer
OPEN = frozenset({OrderState.WAITING, OrderState.TAKEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A migration as the person sees it who thinks of an order. `name` is the VM's, fit for a sentence."""

    name: str
    request: MigrationRequest
    state: State
    progress: Progress
    #: it began with post-copy allowed, by the request or by its policy
    post_copy: bool = False
    #: kvmweb copies its disks itself
    streams: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a worker has just read, and what it has done for this order before. `value` is what the order asks for.

    `since` is how many seconds ago this worker told libvirt, None when it has not: then a worker before it may have.
    `refusals` counts what libvirt has refused of that, and `refusal` is its last answer, "" when it took it. `taken`:
    libvirt has answered that it took it. `read_back` is what it has reported after that. `settled`: for so many seconds
    both hosts have been saying the same. `calling`: this process is
    inside a call that migrates the VM, `resuming`: inside one that resumes a post-copy. `flows`: memory follows,
    although libvirt says that the post-copy has failed.
    """

    source: GuestLook
    source_name: str
    job_over: bool
    value: Any
    since: float | None
    progress: Progress = field(default_factory=Progress)
    refusals: int = 0
    refusal: str = ""
    read_back: int | None = None
    taken: bool = False
    target: GuestLook = field(default_factory=lambda: GuestLook(answered=False))
    target_name: str = ""
    settled: float = 0
    calling: bool = False
    resuming: bool = False
    flows: bool = False

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
    """How an order ended; `text` is for the person who gave it, `told` the same for the journal of all."""

    state: OrderState
    text: str = ""
    told: bool = False


def _always(situation: Situation) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`asked` and `asked_too` are the journal's sentences, after the person's name; `asked` may have a "{value}".
    `asked_too` is for an order that is given once, and when another person gives it again; "" for one that may be given
    again and again. `stops_what_waits`: a migration that no worker has begun ends by it at once.

    `label` and `consequence` are for the page; without a label the order is no control of a migration. `option` is the
    row that knows the bounds of its value; None when that is no number. `names` is what its value is the name of, ""
    for an order that names nothing. `never` says why it cannot be given to such a migration, `why_not` why it cannot be
    given now: a sentence, "" when it can.

    `next` is asked at every look after a worker has taken it, with what libvirt says now: one that was taken by a
    worker that is gone is not repeated blindly. `ended` is asked when the migration ends before the order does.
    """

    what: str
    asked: str
    asked_too: str = ""
    stops_what_waits: bool = False
    label: str = ""
    consequence: Callable[[Situation], str] = _always
    option: Option | None = None
    names: str = ""
    #: only for a VM that is in post-copy, which has no others
    in_post_copy: bool = False
    #: the value 0 stands for no limit
    no_limit: bool = False
    never: Callable[[Situation], str] = _always
    why_not: Callable[[Situation], str] = _always
    next: Callable[[Seen], Next]
    ended: Callable[[State], Answer]

    def objection(self, situation: Situation) -> str:
        """Why it cannot be given, a sentence; "" when it can."""
        return self.never(situation) or self.why_not(situation)

    def shown(self, value: Any) -> str:
        """A value in words: "8 MiB/s"."""
        if self.names:
            return str(value)
        if self.option is None or value is None:
            return ""
        return "no limit" if self.no_limit and not value else f"{value:,} {self.option.unit}"

    def wrong(self, value: Any) -> str:
        """Why this value cannot be asked for, a sentence; "" when it can. Whether a name is known is not asked here."""
        if self.names:
            named = isinstance(value, str) and value
            return "" if named else f"The order {self.what} needs the name of a {self.names}."
        if self.option is None:
            return "" if value is None else f"The order {self.what} has no value."
        if isinstance(value, bool) or not isinstance(value, int):
            return self.option.out_of_bounds
        return "" if (self.no_limit and value == 0) or self.option.allows(value) else self.option.out_of_bounds
