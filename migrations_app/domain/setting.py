"""Orders that set one of libvirt's limits: told until libvirt takes it, then read back. What libvirt says counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hosts.calls.steer import Limit
from hosts.facts.guest import JobKind
from migrations_app.domain.kinds import KIND
from migrations_app.domain.lifecycle import NOT_STARTED, TERMINAL, State
from migrations_app.domain.order import Answer, Next, OrderState, Seen, Situation

#: libvirt may refuse in the first moments of a job
PATIENCE = 5
AGAIN_SECONDS = 1.0
_COPYING = frozenset({State.COPYING_DISKS, State.COPYING_MEMORY})

Wanted = Callable[[Seen], Limit | None]
Words = Callable[[Any], str]


def set_until_read_back(wanted: Wanted, reports: Words) -> Callable[[Seen], Next]:
    """`wanted` is None when it cannot be said yet. `reports` is the sentence about the value that libvirt has said."""

    def following(seen: Seen) -> Next:
        if seen.read_back is not None:
            return Next(answer=Answer(state=OrderState.APPLIED, text=reports(seen.read_back), told=True))
        if seen.refusals >= PATIENCE:
            return Next(answer=Answer(state=OrderState.REFUSED, text=f"libvirt refused: {seen.refusal}", told=True))
        if seen.source.job is JobKind.UNKNOWN or not seen.source.answered:
            return Next(say=f"An order waits until libvirt on {seen.source_name} can be reached.")
        limit = wanted(seen) if seen.moving and (seen.since is None or seen.since > AGAIN_SECONDS) else None
        return Next() if limit is None else Next(tell=limit)

    return following


def ended(state: State) -> Answer:
    return Answer(state=OrderState.REFUSED, text="The migration ended before libvirt had taken it.")


def only_within_a_host(situation: Situation) -> str:
    """Why nothing of a call between hosts can be set."""
    if KIND[situation.request.kind].same_host:
        return f"{situation.name} stays on its host: nothing is sent to another one."
    return ""


def while_copying(situation: Situation) -> str:
    """Why nothing can be set now."""
    state = situation.state
    if state in _COPYING:
        return ""
    if state in TERMINAL:
        return "The migration has ended."
    if state in NOT_STARTED or state is State.STARTING:
        return "libvirt has not begun to copy."
    if state is State.NEEDS_ATTENTION:
        return "It is not known what libvirt does with this migration."
    return f"Too late: {situation.name} is in the switchover, or past it."
