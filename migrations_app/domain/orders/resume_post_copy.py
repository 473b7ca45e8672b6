"""Connect the two halves of a post-copy again: the same call as at the start, with libvirt's flag to resume.

libvirt takes it only while both hosts call the post-copy failed, so that a repeated one does no harm. After a cut the
destination notices the end of the connection when the network works again.
"""

from __future__ import annotations

from hosts.calls.steer import PausePostCopy, ResumePostCopy
from migrations_app.domain.lifecycle import TERMINAL, State
from migrations_app.domain.order import Answer, Next, Order, OrderState, Seen, Situation
from migrations_app.domain.orders.post_copy import never
from migrations_app.domain.outcome.whereabouts import POST_COPY, POST_COPY_FAILED

#: so often it is tried again: about a minute
_PATIENCE = 20
_AGAIN_SECONDS = 3.0
#: libvirt ends its first call at the destination then; before, it takes the old failure for one of the new call
_SETTLES_SECONDS = 2.0


def _next(seen: Seen) -> Next:
    if seen.source.reason == POST_COPY:
        return Next(answer=Answer(state=OrderState.APPLIED, text="Post-copy goes on.", told=True))
    if seen.resuming:
        return Next()
    if seen.refusals >= _PATIENCE:
        return Next(answer=Answer(state=OrderState.REFUSED, text=f"libvirt refused: {seen.refusal}", told=True))
    silent = seen.source_name if not seen.source.answered else "" if seen.target.answered else seen.target_name
    if silent:
        return Next(say=f"Post-copy is resumed when libvirt on {silent} can be reached.")
    if seen.source.reason != POST_COPY_FAILED:
        return Next()
    if seen.target.reason != POST_COPY_FAILED or seen.calling:
        return Next(
            say=f"Post-copy is resumed when {seen.target_name} has noticed that the connection has ended: up to two"
            " minutes after the network works again."
        )
    if seen.settled < _SETTLES_SECONDS:
        return Next()
    due = seen.since is None or seen.since > _AGAIN_SECONDS
    if seen.refusals and seen.flows:
        # QEMU has resumed; libvirt took the failure of before for one of this call, and would never see the end
        return Next(say=_denied(seen), tell=PausePostCopy() if due else None)
    return Next(say=_again(seen.refusal) if seen.refusal else "", tell=ResumePostCopy() if due else None)


def _denied(seen: Seen) -> str:
    return (
        f"Memory follows again, but libvirt on {seen.target_name} has not noticed it: {seen.refusal.rstrip('.')}."
        " kvmweb pauses post-copy and resumes it once more."
    )


def _again(refusal: str) -> str:
    return f"libvirt has not resumed post-copy: {refusal.rstrip('.')}. kvmweb tries again."


def _ended(state: State) -> Answer:
    if state is State.DONE:
        return Answer(state=OrderState.APPLIED, text="Post-copy has ended.")
    return Answer(state=OrderState.REFUSED, text="The migration ended before post-copy was resumed.")


def _why_not(situation: Situation) -> str:
    if situation.state is State.POST_COPY_FAILED:
        return ""
    if situation.state in TERMINAL:
        return "The migration has ended."
    if situation.state is State.POST_COPY:
        return "libvirt resumes post-copy only after it was paused."
    return "It is not in post-copy."


def _consequence(situation: Situation) -> str:
    return (
        "libvirt connects both hosts again, and the rest of the memory follows. Until the network works, nothing"
        " happens, and nothing is lost."
    )


ORDER = Order(
    what="resume_post_copy",
    asked="asked to resume post-copy.",
    label="Resume post-copy",
    consequence=_consequence,
    in_post_copy=True,
    never=never,
    why_not=_why_not,
    next=_next,
    ended=_ended,
)
