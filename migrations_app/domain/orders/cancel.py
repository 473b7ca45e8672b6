"""Stop the migration: the guest stays where it is, unless libvirt has completed the switchover by then."""

from __future__ import annotations

from hosts.calls.steer import Abort
from hosts.facts.guest import JobKind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.order import Answer, Next, Order, OrderState, Seen

#: libvirt takes an abort and may still go on: it is told again
AGAIN_SECONDS = 2.0


def _next(seen: Seen) -> Next:
    if seen.moving and (seen.since is None or seen.since > AGAIN_SECONDS):
        return Next(tell=Abort())
    if seen.source.job is JobKind.UNKNOWN or not seen.source.answered:
        return Next(say=f"The cancel waits until libvirt on {seen.source_name} can be reached.")
    return Next()


def _ended(state: State) -> Answer:
    if state is State.CANCELLED:
        return Answer(state=OrderState.APPLIED)
    late = "The cancel came too late." if state is State.DONE else "The migration ended before it was cancelled."
    return Answer(state=OrderState.REFUSED, text=late)


ORDER = Order(
    what="cancel",
    asked="asked to cancel the migration.",
    asked_too="asked to cancel it too.",
    stops_what_waits=True,
    next=_next,
    ended=_ended,
)
