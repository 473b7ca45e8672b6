"""The kinds of migration, one row each, and whether one applies to a VM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hosts.facts.guest import GuestLook, RunState
from migrations_app.domain.outcome import live, offline, offline_storage, stop_move_start, storage, suspended
from migrations_app.domain.outcome.decision import Decision, JobRecord

Decide = Callable[[GuestLook, GuestLook, JobRecord], Decision]


class Kind(StrEnum):
    LIVE = "live"
    LIVE_STORAGE = "live_storage"
    OFFLINE = "offline"
    OFFLINE_STORAGE = "offline_storage"
    SUSPENDED = "suspended"
    STORAGE = "storage"
    STOP_MOVE_START = "stop_move_start"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """`label` and `consequence` are for the page; `outcome` is the table that alone ends a migration of this kind.

    `copies`: disks are copied too; `may_copy`: they are if `copy_disks` says so. `pauses`: libvirt pauses the VM before
    it copies memory. `cold`: the VM is shut off, and its definition is all that migrates. `starts_paused`: it is shut
    off before and after; kvmweb starts it paused, so that libvirt can migrate it, and its CPUs never run. `same_host`:
    the VM stays on its host, and the disks that the option `disks` names go from pool to pool. `stops`:
    the VM is shut down for it, and started afterwards; only who confirms that gets it.

    `unwanted`: the states in which it does not migrate a VM, with what is then said of it: each continues a sentence
    that begins with the VM's name.
    """

    kind: Kind
    label: str
    consequence: str
    copies: bool
    outcome: Decide
    unwanted: Mapping[RunState, str]
    cold: bool = False
    starts_paused: bool = False
    may_copy: bool = False
    pauses: bool = False
    same_host: bool = False
    stops: bool = False

    @property
    def wants(self) -> frozenset[RunState]:
        """The states in which it migrates a VM."""
        return frozenset(RunState) - self.unwanted.keys()

    @property
    def has_policy(self) -> bool:
        """Whether it copies memory pass after pass while the VM runs, so that it may never end by itself."""
        return not (self.off or self.pauses or self.same_host)

    @property
    def off(self) -> bool:
        """Whether it migrates a VM that is shut off to another host."""
        return self.cold or self.starts_paused

    @property
    def carries_own_files(self) -> bool:
        """Whether UEFI variables and the state of a TPM go with a VM that is off when it migrates."""
        return self.starts_paused or self.stops

    def why_not(self, guest: str, state: RunState, *, can_copy: bool | None, saved: bool = False) -> str:
        """Why it does not apply to this VM, a sentence; "" when it does. `can_copy`: whether the VM has a disk that
        could be copied, wherever it lies; None when nobody knows. `saved`: it has a saved state (managed save)."""
        if state in self.unwanted:
            if saved and state is RunState.SHUTOFF:
                return f"{guest} is shut off with a saved state (managed save), which libvirt cannot migrate."
            return f"{guest} {self.unwanted[state]}"
        if self.copies and can_copy is False:
            return f"{guest} has no disk that could be copied."
        return ""


_NOT_LIVE = {
    RunState.SHUTOFF: "is shut off; a live migration needs it running.",
    RunState.CRASHED: "has crashed; a live migration needs it running.",
    RunState.PMSUSPENDED: "is suspended by its own operating system; a live migration needs it awake.",
    RunState.SHUTDOWN: "is shutting down.",
    RunState.NOSTATE: "has no known state; a live migration needs it running.",
}

_NOT_OFFLINE = {
    RunState.RUNNING: "is running; an offline migration needs it shut off.",
    RunState.BLOCKED: "is running; an offline migration needs it shut off.",
    RunState.PAUSED: "is paused; an offline migration needs it shut off.",
    RunState.CRASHED: "has crashed; an offline migration needs it shut off.",
    RunState.PMSUSPENDED: "is suspended by its own operating system; an offline migration needs it shut off.",
    RunState.SHUTDOWN: "is shutting down; an offline migration needs it shut off.",
    RunState.NOSTATE: "has no known state; an offline migration needs it shut off.",
}

_NOT_STORAGE = {
    RunState.CRASHED: "has crashed; its disks can go to another pool when it runs, is paused or is shut off.",
    RunState.PMSUSPENDED: "is suspended by its own operating system; this method needs it awake or shut off.",
    RunState.SHUTDOWN: "is shutting down. Its disks can go to another pool when it is shut off.",
    RunState.NOSTATE: "has no known state; its disks can go to another pool when it runs, is paused or is shut off.",
}

_NOT_STOPPED = {
    RunState.SHUTOFF: "is shut off; choose Offline.",
    RunState.PAUSED: "is paused, and cannot shut down like that; this method needs it running.",
    RunState.CRASHED: "has crashed; this method needs it running.",
    RunState.PMSUSPENDED: "is suspended by its own operating system; this method needs it awake.",
    RunState.SHUTDOWN: "is shutting down.",
    RunState.NOSTATE: "has no known state; this method needs it running.",
}

KINDS: tuple[KindRow, ...] = (
    KindRow(
        kind=Kind.LIVE,
        label="Live",
        consequence="The VM keeps running. Its disks must be reachable from both hosts.",
        copies=False,
        outcome=live.decide,
        unwanted=_NOT_LIVE,
    ),
    KindRow(
        kind=Kind.LIVE_STORAGE,
        label="Live with storage",
        consequence="The VM keeps running. Disks are copied to the destination first, which can take a long time.",
        copies=True,
        outcome=live.decide,
        unwanted=_NOT_LIVE,
    ),
    KindRow(
        kind=Kind.OFFLINE,
        label="Offline",
        consequence="For a VM that is shut off: its definition migrates. Its disks must be on storage that both hosts"
        " share.",
        copies=False,
        outcome=offline.decide,
        unwanted=_NOT_OFFLINE,
        cold=True,
    ),
    KindRow(
        kind=Kind.OFFLINE_STORAGE,
        label="Offline with storage",
        consequence="For a VM that is shut off: its disks are copied, which can take a long time. libvirt starts it"
        " paused for that; it never runs, and is shut off again. If it cannot start, kvmweb copies its disks.",
        copies=True,
        outcome=offline_storage.decide,
        unwanted=_NOT_OFFLINE,
        starts_paused=True,
    ),
    KindRow(
        kind=Kind.SUSPENDED,
        label="Suspended",
        consequence="The VM is paused while its memory is copied: seconds to minutes of downtime. Its disks must be"
        " reachable from both hosts, or are copied before the pause.",
        copies=False,
        may_copy=True,
        pauses=True,
        outcome=suspended.decide,
        unwanted={
            **_NOT_LIVE,
            RunState.SHUTOFF: "is shut off; this method needs it running or paused.",
            RunState.CRASHED: "has crashed; this method needs it running or paused.",
            RunState.PMSUSPENDED: "is suspended by its own operating system; this method needs it awake.",
            RunState.NOSTATE: "has no known state; this method needs it running or paused.",
        },
    ),
    KindRow(
        kind=Kind.STORAGE,
        label="Storage",
        consequence="The VM stays on its host, running or shut off. The disks that you choose go to another pool, name"
        " or format there.",
        copies=True,
        same_host=True,
        outcome=storage.decide,
        unwanted=_NOT_STORAGE,
    ),
    KindRow(
        kind=Kind.STOP_MOVE_START,
        label="Stop, migrate, start",
        consequence="For a VM that cannot migrate live. It shuts down, its definition migrates, and it starts on the"
        " destination: it is off meanwhile. Its disks must be on storage that both hosts share.",
        copies=False,
        outcome=stop_move_start.decide,
        unwanted=_NOT_STOPPED,
        cold=True,
        stops=True,
    ),
)
#: those after which the VM is on the host where it was
SAME_HOST_KINDS: frozenset[Kind] = frozenset(row.kind for row in KINDS if row.same_host)
#: those that migrate a VM from host to host
BETWEEN_HOSTS: frozenset[Kind] = frozenset(Kind) - SAME_HOST_KINDS
COLD_KINDS: frozenset[Kind] = frozenset(row.kind for row in KINDS if row.cold)
#: those for which a VM that runs is shut down
STOP_KINDS: frozenset[Kind] = frozenset(row.kind for row in KINDS if row.stops)
#: those that migrate a VM that is shut off
OFF_KINDS: frozenset[Kind] = frozenset(row.kind for row in KINDS if row.off)
#: those that start a VM paused to migrate it
PAUSED_KINDS: frozenset[Kind] = frozenset(row.kind for row in KINDS if row.starts_paused)
#: those that migrate a VM with its memory: of one that is started paused, with what QEMU puts there
LIVE_KINDS: frozenset[Kind] = BETWEEN_HOSTS - COLD_KINDS
#: those that copy memory while the VM runs, pass after pass
RUNNING_KINDS: frozenset[Kind] = frozenset(row.kind for row in KINDS if row.has_policy)
KIND: dict[Kind, KindRow] = {row.kind: row for row in KINDS}
