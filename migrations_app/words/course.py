"""How a migration goes: whether it comes closer to its end, and what was done to it, as marks on its time line."""

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
from migrations_app.words.controls import asking

if TYPE_CHECKING:
    from migrations_app.models import Decision, Migration, Order

_ACTS = {
    Act.FINISH: "finish",
    Act.SUSPEND: "pause",
    Act.POST_COPY: "post-copy",
    Act.ABORT: "give up",
    Act.RESTART: "restart",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """`label` has room for two words. `real`: false for what a policy would only have done."""

    at: datetime
    label: str
    text: str
    real: bool = True


def course_words(migration: Migration) -> str:
    """Whether it comes closer to its end, by the passes as its policy counts them; "" where nothing can be said. Rate
    and dirty rate of a moment do not tell: QEMU counts a page once, however often it was written."""
    progress, track = Progress.from_json(migration.progress), migration.track_data
    if migration.state != State.COPYING_MEMORY or not migration.policy or progress.no_data_ms:
        return ""
    if track.newest is None or track.lows == (track.newest,):
        return "Whether passes leave less and less to copy is known after a few of them."
    if track.stalled_at_ms is not None:
        return (
            "Passes no longer leave less to copy: the VM changes memory as fast as it is copied. The migration does not"
            " end with the allowed downtime."
        )
    if track.newest == track.lows[-1]:
        return "The last pass left less to copy than any before: the VM changes memory more slowly than it is copied."
    return "The last pass left no less to copy than those before."


def marks(migration: Migration) -> list[Mark]:
    """What people ordered, unless it was refused, and what the policy decided; oldest first."""
    given = [_order(order) for order in migration.orders.all() if order.state != OrderState.REFUSED]
    decided = [_decision(decision) for decision in migration.decisions.all()]
    return sorted([*given, *decided], key=lambda mark: mark.at)


def _order(order: Order) -> Mark:
    row = ORDERS[order.what]
    return Mark(
        at=order.done_at or order.asked_at,
        label=row.shown(order.value) or row.label.lower() or row.what,
        text=f"{isolated(order.asked_by_name)} {asking(row.asked, row, order.value)}",
    )


def _decision(decision: Decision) -> Mark:
    label = _ACTS.get(Act(decision.action)) or f"{decision.downtime_ms:,} ms"
    return Mark(at=decision.at, label=label, text=decision.text, real=decision.applied)
