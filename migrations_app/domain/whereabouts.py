"""What one host's look at the guest means for a migration: the rows and columns of the decision table."""

from __future__ import annotations

from enum import Enum, auto

from hosts.facts.guest import GuestLook, JobKind, RunState

#: libvirt's state reasons in the words of `hosts/gateway/_codes.py`.
MIGRATION = "migration"
STARTING_UP = "starting up"
POST_COPY = "post-copy"
POST_COPY_FAILED = "post-copy failed"
USER = "user"
#: A guest with one of these was started afresh, it did not arrive with its memory.
STARTED_ANEW = frozenset({"booted", "restored", "from snapshot"})


class At(Enum):
    """The guest at the source."""

    SILENT = auto()  # the host did not answer
    GONE = auto()  # no such guest
    OFF = auto()  # defined and shut off
    RUNNING = auto()  # runs, no migration job
    PAUSED = auto()  # paused for another reason than migration, no migration job
    COPYING = auto()  # runs, or was paused before, with an outgoing migration job
    SWITCHING = auto()  # paused by the migration, job still there
    STOPPED = auto()  # paused by the migration, no job any more
    POST_COPY = auto()
    POST_COPY_BROKEN = auto()
    UNCLEAR = auto()  # anything else: crashed, no state, a job that could not be read, an incoming job


class There(Enum):
    """The guest at the destination."""

    SILENT = auto()
    ABSENT = auto()
    OFF = auto()
    INCOMING = auto()  # QEMU waits for the guest's memory, or Finish has not started it yet
    RUNNING = auto()
    PAUSED = auto()  # arrived, and paused by a person
    POST_COPY = auto()
    POST_COPY_BROKEN = auto()
    UNCLEAR = auto()


def at_source(look: GuestLook) -> At:
    if not look.answered:
        return At.SILENT
    if not look.present:
        return At.GONE
    if look.state is RunState.SHUTOFF:
        return At.OFF
    if not look.active or look.job is JobKind.MIGRATION_IN:
        return At.UNCLEAR
    return _paused_at_source(look) if look.state is RunState.PAUSED else _running_at_source(look)


def _running_at_source(look: GuestLook) -> At:
    if look.job is JobKind.UNKNOWN:
        return At.UNCLEAR
    return At.COPYING if look.job is JobKind.MIGRATION_OUT else At.RUNNING


def _paused_at_source(look: GuestLook) -> At:
    if look.reason == POST_COPY:
        return At.POST_COPY
    if look.reason == POST_COPY_FAILED:
        return At.POST_COPY_BROKEN
    if look.job is JobKind.UNKNOWN:
        return At.UNCLEAR
    if look.job is JobKind.MIGRATION_OUT:
        return At.SWITCHING if look.reason == MIGRATION else At.COPYING
    return At.STOPPED if look.reason == MIGRATION else At.PAUSED


def at_destination(look: GuestLook) -> There:
    if not look.answered:
        return There.SILENT
    if not look.present:
        return There.ABSENT
    if look.state is RunState.SHUTOFF:
        return There.OFF
    if not look.active:
        return There.UNCLEAR
    if look.reason in (POST_COPY, POST_COPY_FAILED):
        return There.POST_COPY if look.reason == POST_COPY else There.POST_COPY_BROKEN
    if look.state is not RunState.PAUSED:
        return There.RUNNING
    if look.reason in (MIGRATION, STARTING_UP) or look.job is JobKind.MIGRATION_IN:
        return There.INCOMING
    return There.PAUSED if look.reason == USER else There.UNCLEAR
