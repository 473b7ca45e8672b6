"""Switch over now: the guest goes on at the destination, and its memory follows."""

from __future__ import annotations

from hosts.calls.steer import StartPostCopy
from hosts.facts.guest import JobKind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.order import Answer, Next, Order, OrderState, Seen, Situation
from migrations_app.domain.outcome.whereabouts import POST_COPY, POST_COPY_FAILED
from migrations_app.domain.setting import AGAIN_SECONDS, PATIENCE, while_copying

LOSES = "From then until the end, losing either host or its memory loses what the VM has in memory."
NOT_ALLOWED = "This migration was not started with post-copy allowed (option post_copy)."


def next_of(seen: Seen) -> Next:
    if seen.source.reason in (POST_COPY, POST_COPY_FAILED) or seen.taken:
        return Next(answer=Answer(state=OrderState.APPLIED, text="libvirt switches over to post-copy.", told=True))
    if seen.refusals >= PATIENCE:
        return Next(answer=Answer(state=OrderState.REFUSED, text=f"libvirt refused: {seen.refusal}", told=True))
    if seen.source.job is JobKind.UNKNOWN or not seen.source.answered:
        return Next(say=f"An order waits until libvirt on {seen.source_name} can be reached.")
    due = seen.since is None or seen.since > AGAIN_SECONDS
    return Next(tell=StartPostCopy()) if seen.moving and due else Next()


def _ended(state: State) -> Answer:
    return Answer(state=OrderState.REFUSED, text="The migration ended before it could switch to post-copy.")


def never(situation: Situation) -> str:
    return "" if situation.post_copy else NOT_ALLOWED


def _why_not(situation: Situation) -> str:
    if situation.state in (State.POST_COPY, State.POST_COPY_FAILED):
        return "It is in post-copy already."
    if situation.state is State.COPYING_DISKS:
        return "The disks are copied first."
    return while_copying(situation)


def _consequence(situation: Situation) -> str:
    return f"The VM continues on the destination within a moment, and fetches its memory from the source. {LOSES}"


ORDER = Order(
    what="post_copy",
    asked="asked to switch to post-copy now.",
    label="Switch to post-copy",
    consequence=_consequence,
    never=never,
    why_not=_why_not,
    next=next_of,
    ended=_ended,
)
