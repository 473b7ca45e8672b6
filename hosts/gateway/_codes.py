"""libvirt's numbers in our words. Written out, not imported, so that fakes and tests need no libvirt."""

from __future__ import annotations

from collections.abc import Mapping

from hosts.facts.guest import JobKind, RunState

STATES: Mapping[int, RunState] = {
    0: RunState.NOSTATE,
    1: RunState.RUNNING,
    2: RunState.BLOCKED,
    3: RunState.PAUSED,
    4: RunState.SHUTDOWN,
    5: RunState.SHUTOFF,
    6: RunState.CRASHED,
    7: RunState.PMSUSPENDED,
}

_UNKNOWN = "unknown"
#: virsh's words, except that a guest paused by a migration reads "migration" (virsh: "migrating")
REASONS: Mapping[RunState, tuple[str, ...]] = {
    RunState.NOSTATE: (_UNKNOWN,),
    RunState.RUNNING: (
        _UNKNOWN,
        "booted",
        "migrated",
        "restored",
        "from snapshot",
        "unpaused",
        "migration canceled",
        "save canceled",
        "event wakeup",
        "crashed",
        "post-copy",
        "post-copy failed",
    ),
    RunState.BLOCKED: (_UNKNOWN,),
    RunState.PAUSED: (
        _UNKNOWN,
        "user",
        "migration",
        "saving",
        "dumping",
        "I/O error",
        "watchdog",
        "from snapshot",
        "shutting down",
        "creating snapshot",
        "crashed",
        "starting up",
        "post-copy",
        "post-copy failed",
        "API error",
    ),
    RunState.SHUTDOWN: (_UNKNOWN, "user"),
    RunState.SHUTOFF: (
        _UNKNOWN,
        "shutdown",
        "destroyed",
        "crashed",
        "migrated",
        "saved",
        "failed",
        "from snapshot",
        "daemon",
    ),
    RunState.CRASHED: (_UNKNOWN, "panicked"),
    RunState.PMSUSPENDED: (_UNKNOWN,),
}


def run_state(number: int) -> RunState:
    """A state that a newer libvirt may have reads NOSTATE, which nothing takes for running."""
    return STATES.get(number, RunState.NOSTATE)


def reason(state: RunState, number: int) -> str:
    words = REASONS[state]
    return words[number] if 0 <= number < len(words) else _UNKNOWN


#: virDomainJobOperation
_OPERATION_IN = 4
_OPERATION_OUT = 5


def job_kind(job_type: int, operation: int) -> JobKind:
    """`job_type` 0 is no job. A job that has ended but is not cleared away (type 3 to 5) still holds the guest."""
    if job_type == 0:
        return JobKind.NONE
    return {_OPERATION_IN: JobKind.MIGRATION_IN, _OPERATION_OUT: JobKind.MIGRATION_OUT}.get(operation, JobKind.OTHER)


#: virDomainEventType
LIFECYCLE = (
    "defined",
    "undefined",
    "started",
    "suspended",
    "resumed",
    "stopped",
    "shutdown",
    "pmsuspended",
    "crashed",
)
#: virStoragePoolEventLifecycleType
POOL_LIFECYCLE = ("defined", "undefined", "started", "stopped", "created", "deleted")
#: virNetworkEventLifecycleType
NETWORK_LIFECYCLE = ("defined", "undefined", "started", "stopped")
#: virConnectCloseReason
CLOSE_REASONS = ("error", "end of file", "no answer to keepalive", "closed by kvmweb")


def word(words: tuple[str, ...], number: int) -> str:
    return words[number] if 0 <= number < len(words) else f"change {number}"
