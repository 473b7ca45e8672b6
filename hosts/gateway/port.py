"""The interface of the gateway: what the rest of kvmweb may ask of a host. No libvirt in here.

Everything in this module blocks and may take seconds; nothing of it is called in the web process or inside a
database transaction. Text that comes back (names, errors) is hostile: it came from a host or a guest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from hosts.calls.move import MigrateCall, Parameter, PeerHelper
from hosts.calls.steer import Limit
from hosts.facts.checkpoint import Checkpoint
from hosts.facts.disk_copy import GuestDisks
from hosts.facts.endpoint import PeerEndpoint
from hosts.facts.guest import (
    GuestDefinition,
    GuestDetails,
    GuestLook,
    GuestStatus,
    JobLimits,
    JobStats,
    RuntimeSettings,
)
from hosts.facts.host import DomainCapabilities, HostCapabilities, HostIdentity, NodeMemory
from hosts.facts.network import Interface, Lease, Network
from hosts.facts.storage import WHOLE, DiskPlace, Part, Pool, Volume, VolumeIdentity, VolumeSpec
from hosts.facts.supplies import NetworkFilter, Secret
from hosts.facts.usage import GuestUsage
from hosts.gateway.port_agent import Agent
from hosts.gateway.port_definition import Definition
from hosts.gateway.port_memory import Memory
from hosts.gateway.port_parts import Parts
from hosts.gateway.port_paused import Paused
from hosts.gateway.probe import Probe

T = TypeVar("T")
#: while a volume is read: gets the bytes that were read since the last time, and how many of them were no hole; whether
#: to go on
Tell = Callable[[int, int], bool]

#: libvirt's VIR_ERR_OPERATION_TIMEOUT, also given to a call that did not come back within its deadline
_TIMED_OUT = 68
#: libvirt's VIR_ERR_OPERATION_UNSUPPORTED
_UNSUPPORTED = 84
#: libvirt's numbers of what holds a disk: VIR_ERR_RESOURCE_BUSY; the lock managers' domains (VIR_FROM_LOCKING,
#: VIR_FROM_LOCKSPACE); VIR_ERR_OPERATION_INVALID of VIR_FROM_SECURITY, for an image with another guest's label
_BUSY, _LOCKS, _OTHER_LABEL = 87, frozenset({42, 51}), (55, 24)
#: QEMU's own words for it come in libvirt's sentence. They are always English: libvirt starts QEMU with LC_ALL=C
_QEMU_HOLDS = re.compile(r"\block\b|another process|resource busy", re.IGNORECASE)


class GatewayError(Exception):
    """A host refused, or did not answer. `code` and `domain` are libvirt's numbers (0 when it was not libvirt)."""

    def __init__(self, message: str, *, code: int = 0, domain: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.domain = domain

    @property
    def unanswered(self) -> bool:
        """Whether it may have been done although no answer came in time."""
        return isinstance(self, HostUnreachable | Left) or self.code == _TIMED_OUT

    @property
    def held(self) -> bool:
        """Whether something else may use a disk. Nothing here is a sentence of libvirt, which is in the host's
        language."""
        by_numbers = self.code == _BUSY or self.domain in _LOCKS or (self.code, self.domain) == _OTHER_LABEL
        return by_numbers or _QEMU_HOLDS.search(self.message) is not None


class Left(GatewayError):
    """It was not done as wanted, and what was done of it could not be taken back."""


class HostUnreachable(GatewayError):
    """No connection, or the connection was lost. Says nothing about what the host is doing."""


class GuestMissing(GatewayError):
    """The host answered and has no such guest."""


class Refused(GatewayError):
    """libvirt refused the call; nothing was changed."""


class Arriving(Refused):
    """A guest that is arriving must not be read yet."""

    def __init__(self) -> None:
        super().__init__("the VM is arriving now", code=_UNSUPPORTED)


class Aborted(GatewayError):
    """The job was cancelled (libvirt's OPERATION_ABORTED).

    An abort may as well end in a plain GatewayError (code 9, "Unable to write to socket"): seen on libvirt 9.0.
    """


class PeerResult(StrEnum):
    REACHED = "reached"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerProbe:
    """Whether the source's libvirtd reaches and authenticates to the destination's.

    UNKNOWN: it could not be tried (no answer in time, or the guest's own state forbids it); `message` says why.
    """

    result: PeerResult
    message: str = ""
    #: ssh: what worked and keeps libvirt's reasons readable; hand it on to MigrateCall
    helper: PeerHelper = PeerHelper.AUTO
    seconds: float = 0.0


class EventKind(StrEnum):
    GUEST = "guest"  # lifecycle: started, stopped, defined, undefined, suspended, resumed ...
    POOL = "pool"
    NETWORK = "network"
    CLOSED = "closed"  # the connection ended; `detail` says how


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEvent:
    """Something changed on the host. `uuid` and `name` of the guest, pool or network; `detail` e.g. "started"."""

    kind: EventKind
    uuid: str = ""
    name: str = ""
    detail: str = ""


class SharedConnections(Protocol):
    """ssh connections to one host, for the questions of all processes. One is kept open; another one is opened when its
    sessions are taken."""

    def keep(self) -> None:
        """Open what is missing and close what is not needed; about once a second. Never raises, never waits."""
        ...

    def wait(self, seconds: float) -> None:
        """Until the first can be used, or could not be opened."""
        ...

    def close(self) -> None:
        """With all sessions, for good. Never waits."""
        ...


class Disks(Protocol):
    """Disks of a guest that go to another place on the same host. What one of these reports is a hint: look again."""

    def look(self, uuid: str, targets: Iterable[str]) -> GuestDisks:
        """Raises GuestMissing."""
        ...

    def virtual_size(self, uuid: str, target: str) -> int:
        """Bytes the guest sees on this disk (blockInfo capacity)."""
        ...

    def copy(self, uuid: str, target: str, place: DiskPlace, *, sync_writes: bool = False, bandwidth: int = 0) -> None:
        """Begin to copy a disk of a running guest into a volume that is there. `bandwidth` in bytes per second, 0 for
        no limit. QEMU goes on by itself; it ends with the guest."""
        ...

    def switch(self, uuid: str, target: str) -> None:
        """The running guest uses the copy from now on, and its saved definition may still name the old disk."""
        ...

    def stop(self, uuid: str, target: str) -> None:
        """End the block job of a disk: the guest stays on the old one."""
        ...

    def save(self, uuid: str, target: str, place: DiskPlace, *, off: bool) -> None:
        """Write the new place into the saved definition. `off`: Refused when the guest is active."""
        ...

    def copy_content(
        self, source: DiskPlace, target: DiskPlace, tell: Tell, *, to: Disks | None = None, part: Part = WHOLE
    ) -> str:
        """The file of one volume into another, which is new, as it is; the SHA-256 of what was read. `to`: on the host
        of those disks, else on the same one. Parts are copied in their order. Both connections are busy for as long as
        that takes. Raises Aborted when `tell` says so."""
        ...

    def checksum(self, place: DiskPlace, tell: Tell, *, part: Part = WHOLE) -> str:
        """The SHA-256 of a volume's file; otherwise the same."""
        ...

    def file_size(self, place: DiskPlace) -> int:
        """Of a volume's file, in bytes."""
        ...

    def file_system(self, pool: str) -> int | None:
        """Bytes of the file system that a pool's folder lies on now; 0 when it is no folder, None when not known."""
        ...


class Power(Protocol):
    """Whether a guest is on, and shows signs of life. (start, suspend and resume are HostConnection's own.)"""

    @property
    def agent(self) -> Agent: ...

    def cpu_ns(self, uuid: str) -> int:
        """The CPU time that it has used since it was started on this host."""
        ...

    def shut_down(self, uuid: str) -> None:
        """Ask a running guest to shut down, through its agent, or by the ACPI power button where no agent answers.
        Nothing forces it. One that did not come back in time (code 68) may still ask the guest."""
        ...


class Passes(Protocol):
    """The memory of a guest on the source: before it migrates, and while it is copied, in passes, then perhaps by
    post-copy."""

    @property
    def memory(self) -> Memory: ...

    def listen(self, uuid: str, begun: Callable[[], None]) -> None:
        """Call `begun` at the start of each pass, until the connection is closed; one per guest. It comes from a thread
        of the gateway and must only set something. Raises GatewayError where the host does not tell."""
        ...

    def post_copy(self, uuid: str) -> None:
        """No more passes: the guest goes on at the destination as soon as QEMU sees this, and its memory follows."""
        ...

    def pause_post_copy(self, uuid: str) -> None:
        """Close the connection over which memory follows. Both halves stay; the guest waits for what it lacks."""
        ...


class HostConnection(Protocol):
    """One open connection to one host. Not shared between processes; methods raise GatewayError and its children.

    One call at a time: calls of several threads wait for each other, and nothing else can be asked while migrate()
    runs. Every other call ends within the deadline given to connect(), or within its own. A question that hangs while
    the host still answers raises GatewayError with code 68, and the connection stays usable.
    """

    def close(self) -> None: ...
    def alive(self) -> bool: ...

    # what the host is
    def identity(self) -> HostIdentity: ...
    def capabilities(self) -> HostCapabilities: ...
    def domain_capabilities(self, *, emulator: str, arch: str, machine: str, virt_type: str) -> DomainCapabilities: ...
    def compare_cpu(self, *, emulator: str, arch: str, machine: str, virt_type: str, cpu_xml: str) -> tuple[bool, str]:
        """(usable, libvirt's words) from compareHypervisorCPU; meaningful for KVM guests only."""
        ...

    def memory(self) -> NodeMemory: ...
    def probe(self, probe: Probe[T], *words: str) -> T | None:
        """Ask the host's own system; None where only libvirt can be asked. The questions are in `probes/`."""
        ...

    # inventory
    def guests(self) -> tuple[GuestStatus, ...]:
        """All guests, running or not, in one call; never waits for a busy or stuck one, so memory and CPUs are 0."""
        ...

    def usage(self) -> tuple[GuestUsage, ...]:
        """CPU time and memory of all running guests, in one call; a stuck one makes it hang (code 68)."""
        ...

    def leases(self) -> tuple[Lease, ...]:
        """Addresses from the DHCP leases of the host's libvirt networks; a call for each active network."""
        ...

    def guest_details(self, uuid: str) -> GuestDetails:
        """Raises Arriving for a guest whose XML must not be read yet."""
        ...

    def managed_save_definition(self, uuid: str) -> GuestDefinition:
        """The definition in the saved state of a guest that has one; the next start uses it."""
        ...

    def find_guest(self, *, uuid: str = "", name: str = "") -> GuestStatus | None: ...
    def pools(self) -> tuple[Pool, ...]: ...
    def volumes(self, pool: str) -> tuple[Volume, ...]: ...
    def networks(self) -> tuple[Network, ...]: ...
    def interfaces(self) -> tuple[Interface, ...]: ...
    def secrets(self) -> tuple[Secret, ...]: ...
    def network_filters(self) -> tuple[NetworkFilter, ...]: ...
    def volume_at(self, path: str) -> Volume | None:
        """The volume with this path in any active pool, as of its last refresh; None does not prove that it is absent.
        Never refreshes a pool: when that fails libvirt stops the pool and unmounts it."""
        ...

    def volume_named(self, pool: str, name: str) -> Volume | None:
        """The same by names; None also when there is no such pool, or it is not active."""
        ...

    def files_exist(self, paths: Iterable[str]) -> dict[str, bool | None]:
        """Per absolute path: there (True), not there (False), or None where this connection cannot tell."""
        ...

    def listen(self, callback: Callable[[HostEvent], None]) -> None:
        """Report events from now on, from a thread of the gateway; the callback must only queue."""
        ...

    # one guest
    def look(self, uuid: str) -> GuestLook:
        """State and job of one guest; cheap, never waits for a busy guest, never raises: see GuestLook.answered."""
        ...

    def run_number(self, uuid: str) -> int:
        """Changes with every start of the guest, whoever started it; -1 while it does not run."""
        ...

    def start(self, uuid: str) -> None:
        """Start a guest that is shut off. One that did not come back in time (code 68) may still start."""
        ...

    def suspend(self, uuid: str) -> None: ...
    def resume(self, uuid: str) -> None: ...
    def block_jobs(self, uuid: str, targets: Iterable[str]) -> tuple[str, ...]:
        """Those of the disk targets that have a block job."""
        ...

    def runtime_settings(self, uuid: str) -> RuntimeSettings:
        """Of a running guest. Raises Refused (code 68) while it is busy."""
        ...

    def checkpoints(self, uuid: str) -> tuple[Checkpoint, ...]:
        """Parents before children; none where the driver has no checkpoints."""
        ...

    def checkpoint_named(self, uuid: str, name: str) -> Checkpoint | None: ...
    def redefine_checkpoint(self, uuid: str, xml: str, *, validate: bool) -> None:
        """Its parent must be there. `validate`: Refused (code 109) when QEMU does not have all its bitmaps."""
        ...

    # migrating a guest (called on the source)
    def probe_peer(self, uuid: str, peer: PeerEndpoint, *, deadline: float) -> PeerProbe: ...
    def can_ask(self, parameter: Parameter) -> bool:
        """Whether kvmweb's own libvirt can send this parameter of a migration, whatever the host's can."""
        ...

    def migrate(self, call: MigrateCall) -> None:
        """Blocks until libvirt returns. Returning is a hint, raising is a hint; only looking at both hosts is proof."""
        ...

    def job(self, uuid: str) -> JobStats | None:
        """The running job's numbers, None when there is no job."""
        ...

    def finished_job(self, uuid: str) -> JobStats | None:
        """Numbers of the last finished job of this guest on this host, kept; None when libvirt has none."""
        ...

    def abort(self, uuid: str) -> None: ...
    def limits(self, uuid: str) -> JobLimits: ...
    def set_limit(self, uuid: str, limit: Limit) -> None: ...

    @property
    def definition(self) -> Definition: ...
    @property
    def power(self) -> Power: ...
    @property
    def passes(self) -> Passes: ...
    @property
    def paused(self) -> Paused: ...
    @property
    def parts(self) -> Parts: ...
    @property
    def disks(self) -> Disks: ...

    # volumes for a storage copy (called on the destination)
    def create_volume(self, spec: VolumeSpec) -> Volume:
        """Sparse, of exactly the given size, and an image made as wanted; otherwise nothing is left, and GatewayError
        says why."""
        ...

    def volume_identity(self, pool: str, name: str, path: str) -> VolumeIdentity | None:
        """What the volume is now, read from the disk and not from the pool's list; None when it is not there.

        Raises GatewayError when the host cannot say: no such pool, or it is not active.
        """
        ...

    def delete_volume(self, pool: str, name: str) -> None: ...
