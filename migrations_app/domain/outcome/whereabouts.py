"""What one host's look at the guest means for a migration: the rows and columns of the decision table."""

from __future__ import annotations

from enum import Enum, auto

from hosts.facts.guest import GuestLook, JobKind, JobStats, RunState

#: libvirt's state reasons in the words of `hosts/gateway/_codes.py`.
MIGRATION = "migration"
STARTING_UP = "starting up"
POST_COPY = "post-copy"
POST_COPY_FAILED = "post-copy failed"
USER = "user"
#: of a running guest: it came by a migration; libvirt resumed it after one that failed
ARRIVED = "migrated"
WOKEN = "migration canceled"
#: A guest with one of these was booted: it did not arrive with its memory.
STARTED_ANEW = frozenset({"booted", "restored", "from snapshot"})


#: QEMU stops the guest when what remains fits into the allowed downtime; its own estimate of the rate jumps
_FITS_NOT = 4
#: libvirt's default, where nobody has set another
_DOWNTIME_MS = 300
#: more than one part in so many of the disks; those of a running guest are never quite done
_MUCH_IS_LEFT = 20


class AtSource(Enum):
    """The guest at the source."""

    SILENT = auto()  # the host did not answer
    GONE = auto()  # no such guest
    OFF = auto()  # defined and shut off
    RUNNING = auto()  # runs, no migration job
    PAUSED = auto()  # paused for another reason than migration, no migration job
    COPYING = auto()  # runs, or was paused before, with an outgoing migration job
    SWITCHING = auto()  # paused by the migration, job still there or not to be read
    STOPPED = auto()  # paused by the migration, no job any more
    POST_COPY = auto()
    POST_COPY_BROKEN = auto()
    UNCLEAR = auto()  # anything else: crashed, no state, a job that could not be read, an incoming job


class AtDestination(Enum):
    """The guest at the destination."""

    SILENT = auto()
    ABSENT = auto()
    OFF = auto()
    INCOMING = auto()  # QEMU waits for the guest's memory, or Finish has not started it yet
    RUNNING = auto()
    PAUSED = auto()  # arrived, and paused by a user
    POST_COPY = auto()
    POST_COPY_BROKEN = auto()
    UNCLEAR = auto()


def at_source(look: GuestLook) -> AtSource:
    if not look.answered:
        return AtSource.SILENT
    if not look.present:
        return AtSource.GONE
    if look.state is RunState.SHUTOFF:
        return AtSource.OFF
    if not look.active or look.job is JobKind.MIGRATION_IN:
        return AtSource.UNCLEAR
    return _paused_at_source(look) if look.state is RunState.PAUSED else _running_at_source(look)


def _running_at_source(look: GuestLook) -> AtSource:
    if look.job is JobKind.UNKNOWN:
        return AtSource.UNCLEAR
    return AtSource.COPYING if look.job is JobKind.MIGRATION_OUT else AtSource.RUNNING


def _paused_at_source(look: GuestLook) -> AtSource:
    if look.reason == POST_COPY:
        return AtSource.POST_COPY
    if look.reason == POST_COPY_FAILED:
        return AtSource.POST_COPY_BROKEN
    if look.reason == MIGRATION:
        # while the last pages are copied QEMU answers nothing: a job that cannot be read is the migration itself
        return AtSource.SWITCHING if look.job in (JobKind.MIGRATION_OUT, JobKind.UNKNOWN) else AtSource.STOPPED
    if look.job is JobKind.UNKNOWN:
        return AtSource.UNCLEAR
    return AtSource.COPYING if look.job is JobKind.MIGRATION_OUT else AtSource.PAUSED


def suspended_by_somebody(look: GuestLook, stats: JobStats, *, allowed_ms: int | None) -> bool | None:
    """Of a guest with an outgoing job. libvirt gives the reason "migration" for a user's suspend too; None: it may be
    either, or neither."""
    if look.runs:
        return False
    if look.state is not RunState.PAUSED or look.reason != MIGRATION:
        return None
    if not stats.memory_total:  # only disks are copied yet
        return True
    fits = (stats.memory_bps or 0) * max(allowed_ms or 0, _DOWNTIME_MS) // 1000
    return True if fits and (stats.memory_remaining or 0) > _FITS_NOT * fits else None


def suspended_before_the_pause(look: GuestLook, stats: JobStats) -> bool | None:
    """The same where libvirt itself pauses the guest, once its disks are copied: as long as much of them is left it was
    somebody else. None: it may be either."""
    if look.runs:
        return False
    if look.state is not RunState.PAUSED or look.reason != MIGRATION or stats.memory_total:
        return None
    left = (stats.disk_remaining or 0) * _MUCH_IS_LEFT
    return True if left > (stats.disk_total or 0) else None


def at_destination(look: GuestLook) -> AtDestination:
    if not look.answered:
        return AtDestination.SILENT
    if not look.present:
        return AtDestination.ABSENT
    if look.state is RunState.SHUTOFF:
        return AtDestination.OFF
    if not look.active:
        return AtDestination.UNCLEAR
    if look.reason in (POST_COPY, POST_COPY_FAILED):
        return AtDestination.POST_COPY if look.reason == POST_COPY else AtDestination.POST_COPY_BROKEN
    if look.state is not RunState.PAUSED:
        return AtDestination.RUNNING
    if look.reason in (MIGRATION, STARTING_UP) or look.job is JobKind.MIGRATION_IN:
        return AtDestination.INCOMING
    return AtDestination.PAUSED if look.reason == USER else AtDestination.UNCLEAR
