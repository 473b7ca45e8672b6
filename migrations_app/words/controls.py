"""What of a running migration can be changed now, and what libvirt limits it to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kvmweb.web.plain import isolated
from migrations_app.domain.lifecycle import State
from migrations_app.domain.order import OPEN, Order, Situation
from migrations_app.domain.orders import CONTROLS
from migrations_app.domain.orders.finish import ORDER as FINISH
from migrations_app.domain.progress import Progress

if TYPE_CHECKING:
    from migrations_app.models import Migration


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """`why` it cannot be used now, a sentence; "" when it can. `value`: what libvirt said last; None: nothing.
    `waiting` is a sentence about the last order that nobody has answered yet; "" when there is none."""

    order: Order
    value: int | None
    why: str
    consequence: str
    waiting: str = ""

    @property
    def what(self) -> str:
        return self.order.what

    @property
    def allowed(self) -> bool:
        return not self.why

    @property
    def now(self) -> str:
        return self.order.shown(self.value) or "not known"


def situation(migration: Migration) -> Situation:
    return Situation(
        name=isolated(migration.guest_name),
        request=migration.request,
        state=State(migration.state),
        progress=Progress.from_json(migration.progress),
        post_copy=migration.post_copy_allowed,
        streams=bool(migration.stream),
    )


def controls(migration: Migration) -> list[Control]:
    now, known = situation(migration), values(migration)
    return [
        Control(order=order, value=known.get(order.what), why=order.objection(now), consequence=order.consequence(now))
        for order in CONTROLS.values()
    ]


def controls_on_page(migration: Migration) -> list[Control]:
    """Those that such a migration has, but for the cancel, which has a button of its own: first those with a value to
    set. Empty before libvirt copies and after the end."""
    if migration.terminal or not migration.controls:
        return []
    now = situation(migration)
    asked = {order.what: order for order in migration.orders.all() if order.state in OPEN}
    late = now.state in (State.POST_COPY, State.POST_COPY_FAILED)
    shown = [
        one
        for one in controls(migration)
        if not (one.order.stops_what_waits or one.order.never(now))
        and (one.order.in_post_copy and one.allowed if late else not one.order.in_post_copy)
    ]
    shown.sort(key=lambda control: (control.order.option is None, bool(control.order.names)))
    return [replace(control, waiting=_waits(control.order, asked.get(control.what))) for control in shown]


def finish_words(migration: Migration) -> str:
    """What the order to finish would do now, or why it cannot be given; "" where the page does not have it."""
    now = situation(migration)
    if migration.terminal or not migration.controls or FINISH.never(now):
        return ""
    return FINISH.why_not(now) or FINISH.consequence(now)


def _waits(order: Order, given: Any) -> str:
    if given is None:
        return ""
    asked = asking(order.asked, order, given.value)
    return f"{isolated(given.asked_by_name)} {asked} libvirt has not confirmed it yet."


def asking(words: str, order: Order, value: Any) -> str:
    """`words`, which are the order's, with this value: they follow a user's name."""
    return words.format(value=isolated(order.shown(value)) if order.names else order.shown(value))


def values(migration: Migration) -> Mapping[str, Any]:
    """As libvirt said them last, with `read_at`."""
    nothing: dict[str, Any] = dict.fromkeys(("bandwidth_mib", "max_downtime_ms", "xbzrle_cache_mib", "read_at"))
    return {**nothing, **migration.controls}
