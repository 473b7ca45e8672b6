"""Give up the connection of a post-copy that gets no data. Both hosts keep their half, so that it can be resumed."""

from __future__ import annotations

from hosts.calls.steer import PausePostCopy
from migrations_app.domain.lifecycle import TERMINAL, State
from migrations_app.domain.order import Answer, Next, Order, OrderState, Seen, Situation
from migrations_app.domain.orders.post_copy import never
from migrations_app.domain.outcome.whereabouts import POST_COPY, POST_COPY_FAILED
from migrations_app.domain.setting import AGAIN_SECONDS, PATIENCE


def _next(seen: Seen) -> Next:
    if seen.source.reason == POST_COPY_FAILED:
        return Next(answer=Answer(state=OrderState.APPLIED, text="Post-copy is paused.", told=True))
    if seen.refusals >= PATIENCE:
        return Next(answer=Answer(state=OrderState.REFUSED, text=f"libvirt refused: {seen.refusal}", told=True))
    if not seen.source.answered:
        return Next(say=f"An order waits until libvirt on {seen.source_name} can be reached.")
    due = seen.since is None or seen.since > AGAIN_SECONDS
    return Next(tell=PausePostCopy()) if seen.source.reason == POST_COPY and due else Next()


def _ended(state: State) -> Answer:
    return Answer(state=OrderState.REFUSED, text="The migration ended before it was paused.")


def _why_not(situation: Situation) -> str:
    if situation.state is State.POST_COPY:
        return ""
    if situation.state in TERMINAL:
        return "The migration has ended."
    if situation.state is State.POST_COPY_FAILED:
        return "Post-copy is paused already."
    return "It is not in post-copy."


def _consequence(situation: Situation) -> str:
    return (
        "Only if no data comes any more, and the network will not work again within a few minutes; if it does,"
        " post-copy goes on by itself. libvirt ends the connection, and the VM stops where it needs memory that has not"
        " come. Both hosts keep what they have, and post-copy can be resumed."
    )


ORDER = Order(
    what="pause_post_copy",
    asked="asked to pause post-copy.",
    label="Pause post-copy",
    consequence=_consequence,
    in_post_copy=True,
    never=never,
    why_not=_why_not,
    next=_next,
    ended=_ended,
)
