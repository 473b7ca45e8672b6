"""The states of a migration. These tokens are used in code, database and API alike."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    # The person asked; nothing has looked at it yet.
    REQUESTED = "requested"
    # A worker reads both hosts and repeats the preflight.
    CHECKING = "checking"
    # Terminal: preflight found a blocker, nothing was started.
    BLOCKED = "blocked"
    # Preflight passed, waiting for a free slot; the reason says which.
    QUEUED = "queued"
    # The write-ahead record is complete; volumes are made and libvirt is being asked. Never started twice.
    STARTING = "starting"
    # The guest was asked to shut down at the source, and is waited for.
    SHUTTING_DOWN = "shutting_down"
    # libvirt copies disks (NBD) while the guest runs at the source.
    COPYING_DISKS = "copying_disks"
    # libvirt copies memory in passes while the guest runs at the source.
    COPYING_MEMORY = "copying_memory"
    # The guest is paused on the source, the last pages are copied; or it has shut down, and its definition migrates.
    SWITCHING_OVER = "switching_over"
    # The guest runs at the destination and still fetches pages from the source.
    POST_COPY = "post_copy"
    # The connection over which they come has ended: each host has a half, and they can be connected again.
    POST_COPY_FAILED = "post_copy_failed"
    # The guest runs at the destination, libvirt finishes.
    ARRIVING = "arriving"
    # Both hosts are asked what is true.
    VERIFYING = "verifying"
    # Terminal: seen running (or paused, if it was) at the destination and not at the source.
    DONE = "done"
    # Terminal: the guest is where it was, as it was.
    FAILED = "failed"
    # Terminal: a user stopped it and the guest was seen running at the source.
    CANCELLED = "cancelled"
    # Not terminal: the hosts say something only a user can judge; the guest stays locked.
    NEEDS_ATTENTION = "needs_attention"


TERMINAL = frozenset({State.DONE, State.FAILED, State.CANCELLED, State.BLOCKED})
#: libvirt may be busy with it: counts against the slots, must be adopted when its worker is gone.
IN_FLIGHT = frozenset({
    State.STARTING, State.SHUTTING_DOWN, State.COPYING_DISKS, State.COPYING_MEMORY, State.SWITCHING_OVER,
    State.POST_COPY, State.POST_COPY_FAILED, State.ARRIVING, State.VERIFYING,
})  # fmt: skip
#: A worker holds it and beats its heart.
OWNED = IN_FLIGHT | {State.CHECKING}
#: Waiting for a worker.
WAITING = frozenset({State.REQUESTED, State.QUEUED})
#: Cancel takes effect at once: the guest was not touched yet.
NOT_STARTED = frozenset({State.REQUESTED, State.CHECKING, State.QUEUED})

_RUNNING = IN_FLIGHT - {State.STARTING}

#: What may follow what. While libvirt migrates a guest we only observe, and may miss any phase.
MAY_FOLLOW: dict[State, frozenset[State]] = {
    State.REQUESTED: frozenset({State.CHECKING, State.CANCELLED, State.FAILED}),
    State.CHECKING: frozenset({
        State.BLOCKED, State.QUEUED, State.STARTING, State.CANCELLED, State.FAILED, State.REQUESTED,
    }),
    State.QUEUED: frozenset({State.CHECKING, State.CANCELLED, State.FAILED}),
    State.STARTING: _RUNNING | {State.FAILED, State.CANCELLED, State.NEEDS_ATTENTION},
    **{
        state: (_RUNNING - {state}) | {State.DONE, State.FAILED, State.CANCELLED, State.NEEDS_ATTENTION}
        for state in _RUNNING
    },
    State.NEEDS_ATTENTION: frozenset({State.VERIFYING, State.DONE, State.FAILED, State.CANCELLED}),
    State.BLOCKED: frozenset(),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}  # fmt: skip


def allowed(old: State, new: State) -> bool:
    return new in MAY_FOLLOW[old]


class Stage(StrEnum):
    """The stages of a migration, the stepper of its page. Which of them a migration has depends on its kind."""

    PREPARE = "Prepare the destination"
    DISKS = "Copy disks"
    TRANSFER = "Copy memory"
    STOP = "Pause on the source"
    LAST = "Last pages and devices"
    CONTINUE = "Continue on the destination"
    SHUT_DOWN = "Shut down on the source"
    DEFINITION = "Migrate the definition"
    START = "Start on the destination"
    NEW_DISKS = "Create the new disks"
    USE = "Switch over to the new disks"
    START_PAUSED = "Start paused on the source"
    HAND_OVER = "Hand over to the destination"
    END_PAUSED = "Shut off on the destination"


#: of a migration for which libvirt pauses the guest first
_PAUSED = (Stage.PREPARE, Stage.DISKS, Stage.STOP, Stage.TRANSFER, Stage.CONTINUE)

_STAGE_OF = {
    State.STARTING: Stage.PREPARE,
    State.COPYING_DISKS: Stage.DISKS,
    State.COPYING_MEMORY: Stage.TRANSFER,
    State.SWITCHING_OVER: Stage.LAST,
    State.POST_COPY: Stage.CONTINUE,
    State.POST_COPY_FAILED: Stage.CONTINUE,
    State.ARRIVING: Stage.CONTINUE,
}


_STAGE_OF_COLD = {State.STARTING: Stage.DEFINITION, State.ARRIVING: Stage.START}
_STAGE_OF_STOPPED = {
    State.STARTING: Stage.SHUT_DOWN,
    State.SHUTTING_DOWN: Stage.SHUT_DOWN,
    State.SWITCHING_OVER: Stage.DEFINITION,
    State.ARRIVING: Stage.START,
}
_STAGE_OF_STAYING = {
    State.STARTING: Stage.NEW_DISKS,
    State.COPYING_DISKS: Stage.DISKS,
    State.SWITCHING_OVER: Stage.USE,
}
#: of a migration on one host
_STAYING = (Stage.NEW_DISKS, Stage.DISKS, Stage.USE)
#: of a migration for which the guest is started paused
_STARTED = (Stage.START_PAUSED, Stage.DISKS, Stage.HAND_OVER, Stage.END_PAUSED)
_STAGE_OF_STARTED = {
    State.STARTING: Stage.START_PAUSED,
    State.COPYING_DISKS: Stage.DISKS,
    State.COPYING_MEMORY: Stage.HAND_OVER,
    State.SWITCHING_OVER: Stage.HAND_OVER,
    State.ARRIVING: Stage.END_PAUSED,
}
#: of one that could not be started
_STAGE_OF_STREAMED = {
    State.STARTING: Stage.NEW_DISKS,
    State.COPYING_DISKS: Stage.DISKS,
    State.SWITCHING_OVER: Stage.DEFINITION,
    State.ARRIVING: Stage.START,
}
_OWN = (
    Stage.SHUT_DOWN,
    Stage.DEFINITION,
    Stage.START,
    Stage.NEW_DISKS,
    Stage.USE,
    Stage.START_PAUSED,
    Stage.HAND_OVER,
    Stage.END_PAUSED,
)


def stages(
    *,
    cold: bool,
    copies: bool,
    starts: bool,
    pauses: bool = False,
    stays: bool = False,
    starts_paused: bool = False,
    stops: bool = False,
    streams: bool = False,
) -> list[Stage]:
    """Those of one migration, in order. `streams`: the guest could not be started, and kvmweb copies its disks."""
    if streams:
        return [Stage.NEW_DISKS, Stage.DISKS, Stage.DEFINITION, *([Stage.START] if starts else [])]
    if stays:
        return list(_STAYING)
    if starts_paused:
        return [*_STARTED, *([Stage.START] if starts else [])]
    if stops:
        return [Stage.SHUT_DOWN, Stage.DEFINITION, Stage.START]
    if cold:
        return [Stage.DEFINITION, *([Stage.START] if starts else [])]
    running = _PAUSED if pauses else [stage for stage in Stage if stage not in _OWN]
    return [stage for stage in running if copies or stage is not Stage.DISKS]


def stage_of(
    state: State,
    *,
    cold: bool = False,
    stays: bool = False,
    starts_paused: bool = False,
    stops: bool = False,
    streams: bool = False,
) -> Stage | None:
    """The stage a migration is in, None before it started and after it ended, and while both hosts are only asked: they
    are after a failure, too."""
    if streams:
        return _STAGE_OF_STREAMED.get(state)
    if starts_paused:
        return _STAGE_OF_STARTED.get(state)
    if stops:
        return _STAGE_OF_STOPPED.get(state)
    return (_STAGE_OF_STAYING if stays else _STAGE_OF_COLD if cold else _STAGE_OF).get(state)
