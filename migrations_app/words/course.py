"""How a migration goes: whether it will end, and what was done to it, as marks on its time line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated
from migrations_app.domain.convergence.action import Act
from migrations_app.domain.lifecycle import State
from migrations_app.domain.order import OrderState
from migrations_app.domain.orders import ORDERS
from migrations_app.domain.progress import Progress

if TYPE_CHECKING:
    from migrations_app.models import Decision, Migration, Order

_ACTS = {Act.FINISH: "finish", Act.SUSPEND: "pause", Act.ABORT: "give up", Act.RESTART: "restart"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """`label` has room for two words. `real`: false for what a policy would only have done."""

    at: datetime
    label: str
    text: str
    real: bool = True


def course_words(migration: Migration) -> str:
    """Whether it will end, as libvirt's numbers of now have it; "" when they say nothing about that."""
    progress = Progress.from_json(migration.progress)
    if migration.state != State.COPYING_MEMORY or migration.kind_row.pauses or progress.no_data_ms:
        return ""
    if progress.converging is None:
        return "How fast the VM changes its memory is known after the first pass."
    if progress.converging:
        return "The VM changes memory more slowly than it is copied: the migration will end."
    return "The VM changes memory faster than it is copied: the migration will not end by itself."


def marks(migration: Migration) -> list[Mark]:
    """What people ordered, unless it was refused, and what the policy decided; oldest first."""
    given = [_order(order) for order in migration.orders.all() if order.state != OrderState.REFUSED]
    decided = [_decision(decision) for decision in migration.decisions.all()]
    return sorted([*given, *decided], key=lambda mark: mark.at)


def _order(order: Order) -> Mark:
    row = ORDERS[order.what]
    asked = row.asked.format(value=row.shown(order.value))
    return Mark(
        at=order.done_at or order.asked_at,
        label=row.shown(order.value) or row.what,
        text=f"{isolated(order.asked_by_name)} {asked}",
    )


def _decision(decision: Decision) -> Mark:
    label = _ACTS.get(Act(decision.action)) or f"{decision.downtime_ms:,} ms"
    return Mark(at=decision.at, label=label, text=decision.text, real=decision.applied)
