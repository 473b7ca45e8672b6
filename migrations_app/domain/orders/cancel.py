"""Stop the migration: the guest stays where it is, unless libvirt has completed the switchover by then."""

from __future__ import annotations

from collections.abc import Callable

from hosts.calls.steer import Abort
from hosts.facts.guest import JobKind
from migrations_app.domain.kinds import KIND
from migrations_app.domain.lifecycle import NOT_STARTED, TERMINAL, State
from migrations_app.domain.order import Answer, Next, Order, OrderState, Seen, Situation

#: libvirt takes an abort and may still go on: it is told again
AGAIN_SECONDS = 2.0


def stop_until_over(waits: str) -> Callable[[Seen], Next]:
    """`waits` begins the sentence about a host that cannot be reached."""

    def following(seen: Seen) -> Next:
        if seen.moving and (seen.since is None or seen.since > AGAIN_SECONDS):
            return Next(tell=Abort())
        if seen.source.job is JobKind.UNKNOWN or not seen.source.answered:
            return Next(say=f"{waits} until libvirt on {seen.source_name} can be reached.")
        return Next()

    return following


def _ended(state: State) -> Answer:
    if state is State.CANCELLED:
        return Answer(state=OrderState.APPLIED)
    late = "The cancel came too late." if state is State.DONE else "The migration ended before it was cancelled."
    return Answer(state=OrderState.REFUSED, text=late)


#: libvirt may still be stopped
_IN_TIME = NOT_STARTED | {
    State.STARTING,
    State.SHUTTING_DOWN,
    State.COPYING_DISKS,
    State.COPYING_MEMORY,
    State.SWITCHING_OVER,
}


def _why_not(situation: Situation) -> str:
    if situation.state in _IN_TIME:
        return ""
    if situation.state in TERMINAL:
        return "The migration has ended."
    if situation.state is State.NEEDS_ATTENTION:
        return f"{situation.name} stays locked until it is known where it runs."
    return f"Too late to cancel: {situation.name} is past the switchover."


def _consequence(situation: Situation) -> str:
    if KIND[situation.request.kind].stops:
        return "The VM stays on the source. If it has shut down or still does so, it is started there again."
    return "The VM stays on the source. The copied data is discarded."


ORDER = Order(
    what="cancel",
    label="Cancel",
    consequence=_consequence,
    why_not=_why_not,
    asked="asked to cancel the migration.",
    asked_too="asked to cancel it too.",
    stops_what_waits=True,
    next=stop_until_over("The cancel waits"),
    ended=_ended,
)
