"""A guest of the fakes, and what a migration does to it."""

from __future__ import annotations

import threading
import time
import uuid as uuids
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from hosts.calls.move import Flag, MigrateCall, Parameter
from hosts.facts.checkpoint import Checkpoint
from hosts.facts.disk_copy import BlockJob
from hosts.facts.guest import (
    Disk,
    GuestDefinition,
    GuestDetails,
    GuestLook,
    GuestStatus,
    JobKind,
    JobLimits,
    JobStats,
    Nic,
    RunState,
    RuntimeSettings,
)
from hosts.facts.memory_use import DirtyRate, MemoryUse
from hosts.facts.part import Part
from hosts.facts.storage import DiskPlace
from hosts.gateway.port import GatewayError

IMAGES = "/var/lib/libvirt/testvms"


def definition(name: str, uuid: str, **changes: object) -> GuestDefinition:
    usual = GuestDefinition(
        uuid=uuid,
        name=name,
        virt_type="qemu",
        arch="x86_64",
        machine="pc-q35-7.2",
        emulator="/usr/bin/qemu-system-x86_64",
        memory_kib=262_144,
        current_memory_kib=262_144,
        vcpus=1,
        disks=(Disk(target="vda", device="disk", type="file", path=f"{IMAGES}/{name}.qcow2", format="qcow2"),),
        nics=(Nic(type="bridge", source="br1", mac="52:54:00:00:00:01"),),
        leaves=(("features/acpi", ""),),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def _goes_on() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass
class GuestAgent:
    """`awake`: cleared, it does not answer for the time being. `ahead_s`: its clock, of the real one."""

    addresses: tuple[str, ...] = ()
    ahead_s: float = 0.0
    error: GatewayError | None = None
    awake: threading.Event = field(default_factory=_goes_on)


@dataclass
class FakeGuest:
    """A guest on one host. Everything may be changed by the test at any time."""

    definition: GuestDefinition
    #: the text of its definition that `guest_details` tells, instead of one with its name alone
    xml: str = ""
    #: the inactive one, when it is another
    saved: GuestDefinition | None = None
    state: RunState = RunState.RUNNING
    reason: str = "booted"
    persistent: bool = True
    autostart: bool = False
    managed_save: bool = False
    #: the definition in it, when it is another
    saved_state: GuestDefinition | None = None
    snapshots: int = 0
    #: they vanish with the guest's definition, as libvirt's do
    checkpoints: tuple[Checkpoint, ...] = ()
    #: names of checkpoints that have no dirty bitmap in the image
    lost_bitmaps: tuple[str, ...] = ()
    block_jobs: tuple[str, ...] = ()
    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    job: JobStats | None = None
    finished: JobStats | None = None
    limits: JobLimits = field(
        default_factory=lambda: JobLimits(bandwidth_mib=0, max_downtime_ms=300, xbzrle_cache_mib=64)
    )
    #: what it holds of the host's memory, and how fast it writes; None: the host cannot tell
    memory_use: MemoryUse = field(default_factory=MemoryUse)
    dirty: DirtyRate | None = None
    #: another one after every start
    run: int = 1
    #: it shuts down when it is asked to
    obeys: bool = True
    #: what can be taken out of it; all that it ever had; whether it keeps what it is asked to release, and says so
    parts: list[Part] = field(default_factory=list)
    known_parts: list[Part] = field(default_factory=list)
    holds: bool = False
    refuses: bool = False
    #: of one that kvmweb started paused, and what it has done since
    mark: str = ""
    requests: int = 0
    cpu_ms: int = 0
    #: CPU time that it uses between two questions
    works_ms: int = 20
    agent: GuestAgent | None = None
    #: bytes per disk target; a disk that is not in here has 1 GiB
    disk_sizes: dict[str, int] = field(default_factory=dict)
    #: disks that are copied on its host, by target; how a copy begins, and where they go
    copies: dict[str, BlockJob] = field(default_factory=dict)
    first_copy: BlockJob = field(default_factory=lambda: BlockJob(ready=True, done=1000, total=1000))
    copied_to: dict[str, DiskPlace] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        return self.state.active

    def status(self) -> GuestStatus:
        return GuestStatus(uuid=self.definition.uuid, name=self.definition.name, state=self.state, reason=self.reason)

    def look(self) -> GuestLook:
        job = self.job.kind if self.job and self.active else JobKind.NONE
        return GuestLook(
            answered=True, present=True, state=self.state, reason=self.reason, persistent=self.persistent, job=job
        )

    def details(self) -> GuestDetails:
        return GuestDetails(
            uuid=self.definition.uuid,
            definition=(self.saved if self.persistent else None) or self.definition,
            xml=self.xml or f"<domain type='qemu'><name>{self.definition.name}</name></domain>",
            live=self.definition if self.active else None,
            persistent=self.persistent,
            autostart=self.autostart,
            managed_save=self.managed_save,
            snapshots=self.snapshots,
        )


def new_guest(name: str = "vm-01", uuid: str = "", **changes: object) -> FakeGuest:
    return FakeGuest(definition(name, uuid or str(uuids.uuid4())), **changes)  # type: ignore[arg-type]


class Ending(Enum):
    """How a migration ends: what both hosts have afterwards, and what libvirt's call returns."""

    DONE = auto()
    ROLLED_BACK = auto()  # the call raises, the source runs
    SAYS_DONE_SOURCE_RUNS = auto()  # the call returns, nothing arrived
    SAYS_DONE_NOWHERE = auto()  # the call returns, the guest is on neither host
    SAYS_FAILED_BUT_DONE = auto()  # the call raises, the guest arrived
    CONFIRM_LOST = auto()  # the call returns, the guest arrived, the source is left paused without a job
    DEFINITION_LEFT = auto()  # the call raises, the guest arrived, the source keeps its definition
    SPLIT = auto()  # the call raises, both run


#: after these the call raises
_RAISE = {Ending.ROLLED_BACK, Ending.SAYS_FAILED_BUT_DONE, Ending.DEFINITION_LEFT, Ending.SPLIT}
_ARRIVES = {Ending.DONE, Ending.SAYS_FAILED_BUT_DONE, Ending.CONFIRM_LOST, Ending.DEFINITION_LEFT, Ending.SPLIT}


def job(remaining: int, total: int = 1000, **changes: object) -> JobStats:
    usual = JobStats(
        kind=JobKind.MIGRATION_OUT,
        elapsed_ms=100,
        downtime_ms=300,
        memory_total=total,
        memory_processed=total - remaining,
        memory_remaining=remaining,
        memory_bps=1000,
        dirty_bps=10,
        iteration=1,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


@dataclass
class Move:
    """A scripted migration. It copies (one of `jobs` after the other), waits for `go_on`, switches over, ends.

    `pace`: seconds per step. `go_on` is set from the start; clear it to hold the move in its copying. `too_late`: an
    abort is refused, as it is after the switch-over.
    """

    jobs: Sequence[JobStats] = (job(1000), job(500), job(0))
    ending: Ending = Ending.DONE
    error: GatewayError = field(default_factory=lambda: GatewayError("job 'migration out' failed", code=9, domain=10))
    pace: float = 0.01
    downtime_ms: int = 42
    too_late: bool = False
    #: libvirt does not resume at the end what was suspended meanwhile
    left_paused: bool = False
    go_on: threading.Event = field(default_factory=threading.Event)
    aborted: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    #: set once the source is paused for the switch-over
    switching: threading.Event = field(default_factory=threading.Event)
    #: libvirt was told to switch to post-copy; then to pause that
    post_copy: threading.Event = field(default_factory=threading.Event)
    pause: threading.Event = field(default_factory=threading.Event)
    #: the network between the hosts is down: the destination does not notice what the source does
    cut: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    @property
    def raises(self) -> bool:
        return self.ending in _RAISE

    @property
    def arrives(self) -> bool:
        return self.ending in _ARRIVES


Guests = dict[str, FakeGuest]


def run_move(move: Move, uuid: str, source: Guests, target: Guests, call: MigrateCall | None) -> None:
    """From the first byte to the end; `call` None: started without kvmweb, as by `virsh migrate`."""
    if call is not None and call.offline:
        _move_definition(move, uuid, source, target, call)
        return
    guest, before = source[uuid], target.get(uuid)
    was_paused = guest.state is RunState.PAUSED
    incoming = replace(
        _arriving(guest, call),
        state=RunState.PAUSED,
        reason="migration",
        persistent=before is not None,
        autostart=before.autostart if before else False,
        job=JobStats(kind=JobKind.MIGRATION_IN),
        checkpoints=(),
        requests=0,
        cpu_ms=0,
    )
    target[uuid] = incoming
    try:
        for stats in move.jobs:
            guest.job = stats
            if call is not None and not call.live and not was_paused and stats.memory_total:
                guest.state, guest.reason = RunState.PAUSED, "migration"
            if move.aborted.wait(move.pace):
                break
        while not (move.go_on.wait(move.pace / 2) or move.aborted.is_set() or move.post_copy.is_set()):
            pass
        if move.post_copy.is_set():
            run_post_copy(move, uuid, source, target)
        elif move.aborted.is_set() or move.ending in (Ending.ROLLED_BACK, Ending.SAYS_DONE_SOURCE_RUNS):
            stays = (was_paused and not guest.look().runs) or _left_paused(move, guest)
            _roll_back(guest, target, before, stays)
        else:
            paused = was_paused or _left_paused(move, guest)
            _switch_over(move, guest, incoming, source, target, call, was_paused=paused)
    finally:
        move.over.set()


def run_post_copy(move: Move, uuid: str, source: Guests, target: Guests) -> None:
    """From the switch, or from a resume, to the end or to a pause. A host whose guest goes ends it."""
    guest, there = source[uuid], target[uuid]
    (guest.state, guest.reason), (there.state, there.reason) = (
        (RunState.PAUSED, "post-copy"),
        (RunState.RUNNING, "post-copy"),
    )
    move.pause.clear()
    while not move.pause.is_set() and (move.cut.is_set() or not move.go_on.is_set()):
        time.sleep(move.pace / 2)
    if move.pause.is_set():
        guest.reason = "post-copy failed"
        while move.cut.is_set():
            time.sleep(move.pace / 2)
        there.reason = "post-copy failed"
    else:
        there.reason, there.job, there.persistent = "migrated", None, True
        time.sleep(move.pace)
        source.pop(uuid, None)


def _left_paused(move: Move, guest: FakeGuest) -> bool:
    return move.left_paused and guest.state is RunState.PAUSED


def _arriving(guest: FakeGuest, call: MigrateCall | None) -> FakeGuest:
    """As the destination defines it: with the name and the places of disks that the call has."""
    if call is None:
        return guest
    here, new = guest.definition, call.parameters.get(Parameter.DESTINATION_NAME)
    disks = (_placed(disk, call.places.get(disk.target)) for disk in here.disks)
    return replace(guest, definition=replace(here, name=str(new or here.name), disks=tuple(disks)))


def _placed(disk: Disk, place: DiskPlace | None) -> Disk:
    if place is None:
        return disk
    if disk.type == "volume":
        return replace(disk, pool=place.pool, volume=place.volume, format=place.format)
    return replace(disk, type="file", path=place.path, format=place.format, backing=())


def _move_definition(move: Move, uuid: str, source: Guests, target: Guests, call: MigrateCall) -> None:
    """The source loses its own last, and only when the guest is shut off."""
    move.go_on.wait()
    guest = source[uuid]
    if move.arrives:
        target[uuid] = replace(
            _arriving(guest, call), state=RunState.SHUTOFF, reason="shutdown", autostart=False, checkpoints=()
        )
    gone = (move.arrives and move.ending is not Ending.CONFIRM_LOST) or move.ending is Ending.SAYS_DONE_NOWHERE
    if gone and not guest.active and Flag.UNDEFINE_SOURCE in call.flags:
        source.pop(uuid, None)
    move.over.set()


def _roll_back(guest: FakeGuest, target: Guests, before: FakeGuest | None, was_paused: bool) -> None:
    back = (RunState.PAUSED, "user") if was_paused else (RunState.RUNNING, "migration canceled")
    (guest.state, guest.reason), guest.job = back, None
    if before is None:
        target.pop(guest.definition.uuid, None)
    else:
        target[guest.definition.uuid] = before


def _switch_over(
    move: Move,
    guest: FakeGuest,
    incoming: FakeGuest,
    source: Guests,
    target: Guests,
    call: MigrateCall | None,
    *,
    was_paused: bool,
) -> None:
    uuid = guest.definition.uuid
    guest.state, guest.reason = RunState.PAUSED, "migration"
    move.switching.set()
    time.sleep(move.pace)
    if move.arrives:
        stays_paused = was_paused or (call is not None and Flag.PAUSED in call.flags)
        arrived = (RunState.PAUSED, "user") if stays_paused else (RunState.RUNNING, "migrated")
        (incoming.state, incoming.reason), incoming.job = arrived, None
        incoming.persistent = incoming.persistent or call is None or Flag.PERSIST_DEST in call.flags
        incoming.finished = JobStats(kind=JobKind.MIGRATION_IN, elapsed_ms=1000, downtime_ms=move.downtime_ms)
    else:
        target.pop(uuid, None)
    guest.job = None
    if move.ending is Ending.CONFIRM_LOST:
        return
    if move.ending is Ending.SPLIT:
        guest.state, guest.reason = RunState.RUNNING, "migration canceled"
    elif move.ending is Ending.DEFINITION_LEFT or (
        guest.persistent and call is not None and Flag.UNDEFINE_SOURCE not in call.flags
    ):
        guest.state, guest.reason = RunState.SHUTOFF, "migrated"
    else:
        source.pop(uuid, None)
