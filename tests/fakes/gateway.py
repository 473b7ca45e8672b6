"""The gateway without hosts: a fleet whose hosts, guests and migrations do what a test says.

`FakeFleet.connect` and `FakeFleet.first_contact` have the signatures of those in `hosts.gateway`. A migration goes on
in a thread of the fleet, as it does in libvirt, whatever becomes of the connection that started it.
"""

from __future__ import annotations

import threading
import time
import uuid as uuids
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from hosts.calls.move import Flag, MigrateCall, Parameter
from hosts.calls.steer import Limit, LimitBandwidth, LimitCache, LimitDowntime
from hosts.facts import checkpoint_xml
from hosts.facts.checkpoint import Checkpoint
from hosts.facts.contact import Contact, ContactProblem
from hosts.facts.endpoint import Endpoint, PeerEndpoint, Transport
from hosts.facts.guest import (
    GuestDefinition,
    GuestDetails,
    GuestLook,
    GuestStatus,
    JobKind,
    JobLimits,
    JobStats,
    RunState,
    RuntimeSettings,
)
from hosts.facts.host import (
    CpuMode,
    DomainCapabilities,
    GuestArch,
    HostCapabilities,
    HostIdentity,
    MachineType,
    NodeMemory,
)
from hosts.facts.memory_use import DirtyRate, MemoryUse
from hosts.facts.network import Interface, Lease, Network
from hosts.facts.storage import Mount, Pool, Volume, VolumeIdentity, VolumeSpec
from hosts.facts.supplies import NetworkFilter, Secret
from hosts.facts.usage import GuestUsage
from hosts.gateway.port import (
    Aborted,
    Arriving,
    EventKind,
    GatewayError,
    GuestMissing,
    HostConnection,
    HostEvent,
    HostUnreachable,
    PeerProbe,
    PeerResult,
    Refused,
)
from hosts.gateway.probe import Probe
from tests.fakes.disks import FakeDisks
from tests.fakes.guests import FakeGuest, GuestAgent, Move, run_move, run_post_copy
from tests.fakes.parts import FakeParts
from tests.fakes.paused import FakePaused

T = TypeVar("T")
_EMULATOR = "/usr/bin/qemu-system-x86_64"


@dataclass(frozen=True)
class Call:
    host: str
    method: str
    arguments: tuple[Any, ...]


def _set() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass
class FakeHost:
    """One host. `silent`: it answers nothing, open connections included."""

    fleet: FakeFleet
    name: str
    address: str
    uuid: str = field(default_factory=lambda: str(uuids.uuid4()))
    silent: bool = False
    guests: dict[str, FakeGuest] = field(default_factory=dict)
    pools: list[Pool] = field(default_factory=list)
    volumes: list[Volume] = field(default_factory=list)
    networks: list[Network] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=lambda: [Interface(name="br1", active=True, is_bridge=True)])
    secrets: list[Secret] = field(default_factory=list)
    network_filters: list[NetworkFilter] = field(default_factory=list)
    #: what files_exist says; a path that is not in here is there when a volume has it, else not known
    files: dict[str, bool | None] = field(default_factory=dict)
    #: the identity of the files under these paths, for a host that is reached by ssh
    file_numbers: dict[str, str] = field(default_factory=dict)
    #: by pool: the size of the file system that its folder lies on, None where libvirt does not let anybody look
    file_systems: dict[str, int | None] = field(default_factory=dict)
    #: by path: when a volume was written to last, and its content where that is not empty
    modified: dict[str, float] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    #: keys of the parts that guests can be given here; None for all
    offers: set[str] | None = None
    #: files with the state of guests
    own_files: dict[str, bytes] = field(default_factory=dict)
    #: cleared: reading a volume goes on and on
    reads: threading.Event = field(default_factory=_set)
    #: what lies under which folder, for a host that is reached by ssh; None for the others
    mounts: dict[str, Mount] = field(default_factory=dict)
    memory: NodeMemory = field(default_factory=lambda: NodeMemory(total_kib=8_000_000, free_kib=4_000_000))
    #: for a host that is reached by ssh
    available_kib: int | None = None
    #: what the programs of other probes write, by the probe's name, on a host that is reached by ssh
    written: dict[str, str] = field(default_factory=dict)
    libvirt: int = 9_000_000
    #: the user that its QEMUs run as
    qemu_uid: int = 0
    qemu: int = 7_002_000
    machines: tuple[str, ...] = ("pc-q35-7.2",)
    cpu_answer: tuple[bool, str] = (True, "the CPU is identical")
    probe: PeerProbe = field(default_factory=lambda: PeerProbe(result=PeerResult.REACHED))
    listeners: list[Callable[[HostEvent], None]] = field(default_factory=list)
    #: who listens to the passes of which guest
    passes: list[tuple[str, Callable[[], None]]] = field(default_factory=list)
    #: who listens to which guest being resumed
    resumes: list[tuple[str, Callable[[], None]]] = field(default_factory=list)
    _faults: dict[str, list[BaseException]] = field(default_factory=lambda: defaultdict(list))

    def endpoint(self) -> Endpoint:
        return Endpoint(transport=Transport.TCP, address=self.address)

    def add(self, guest: FakeGuest) -> FakeGuest:
        self.guests[guest.definition.uuid] = guest
        return guest

    def fail(self, method: str, error: BaseException, *, times: int = 1) -> None:
        """The next calls of this method raise."""
        self._faults[method] += [error] * times

    def heal(self, method: str) -> None:
        """What `fail` said is over."""
        self._faults.pop(method, None)

    def called(self, method: str, *arguments: Any) -> None:
        self.fleet.calls.append(Call(self.name, method, arguments))
        if self.silent:
            raise HostUnreachable(f"{self.name} did not answer")
        if self._faults[method]:
            raise self._faults[method].pop(0)

    def guest(self, uuid: str) -> FakeGuest:
        try:
            return self.guests[uuid]
        except KeyError:
            raise GuestMissing("Domain not found", code=42, domain=10) from None

    def send(self, kind: EventKind, **values: str) -> None:
        for listener in list(self.listeners):
            listener(HostEvent(kind=kind, **values))

    def begin_pass(self, uuid: str) -> None:
        """QEMU begins another pass over the memory of a guest."""
        for one, begun in list(self.passes):
            if one == uuid:
                begun()

    def tell_resumed(self, uuid: str) -> None:
        for one, resumed in list(self.resumes):
            if one == uuid:
                resumed()

    def identity(self) -> HostIdentity:
        return HostIdentity(hostname=self.name, uuid=self.uuid, libvirt=self.libvirt, qemu=self.qemu)


class FakeFleet:
    """Hosts by address. `moves[uuid]` scripts the next migration of a guest; without one it succeeds."""

    def __init__(self, *names: str) -> None:
        self.hosts: dict[str, FakeHost] = {}
        self.calls: list[Call] = []
        self.moves: dict[str, Move] = {}
        for name in names:
            self.add(name)

    def add(self, name: str, address: str = "") -> FakeHost:
        host = FakeHost(self, name, address or f"192.0.2.{len(self.hosts) + 1}")
        self.hosts[host.address] = host
        return host

    def __getitem__(self, name: str) -> FakeHost:
        return next(host for host in self.hosts.values() if name in (host.name, host.address))

    def methods(self, host: str = "") -> list[str]:
        """What was called, in order, on one host or all."""
        return [call.method for call in self.calls if host in ("", call.host)]

    def connect(self, endpoint: Endpoint, *, deadline: float = 10.0) -> HostConnection:
        host = self.hosts.get(endpoint.address)
        if host is None:
            raise HostUnreachable(f"no host at {endpoint.address}")
        host.called("connect")
        return FakeConnection(host)

    def first_contact(self, endpoint: Endpoint, *, deadline: float = 8.0) -> Contact:
        host = self.hosts.get(endpoint.address)
        if host is None or host.silent:
            return Contact(problem=ContactProblem.TIMEOUT, seconds=deadline)
        return Contact(identity=host.identity())

    def start_move(self, uuid: str, source: FakeHost, target: FakeHost, call: MigrateCall | None = None) -> Move:
        """Starts a migration, also one that kvmweb did not request."""
        move = self.moves.setdefault(uuid, Move())
        guest = source.guest(uuid)
        if call is None or not call.offline:
            guest.job = move.jobs[0] if move.jobs else JobStats(kind=JobKind.MIGRATION_OUT)
        run = partial(run_move, move, uuid, source.guests, target.guests, call)
        threading.Thread(target=run, name=f"move {uuid}", daemon=True).start()
        return move

    def resume_move(self, uuid: str, source: FakeHost, target: FakeHost, call: MigrateCall) -> Move:
        move = self.moves[uuid]
        halves = {source.guest(uuid).reason, target.guest(uuid).reason}
        if halves != {"post-copy failed"} or not move.over.is_set():
            raise Refused("migration of domain is being actively monitored by another thread", code=55, domain=10)
        move.over.clear()

        def run() -> None:
            try:
                run_post_copy(move, uuid, source.guests, target.guests)
            finally:
                move.over.set()

        threading.Thread(target=run, name=f"resume {uuid}", daemon=True).start()
        return move


class FakeAgent:
    """Answers as the guest's `agent` says; what that raises is raised."""

    def __init__(self, connection: FakeConnection) -> None:
        self._connection = connection

    def _agent(self, method: str, uuid: str) -> GuestAgent:
        agent = self._connection._called(method, uuid).guest(uuid).agent
        if agent is None:
            raise Refused("argument unsupported: QEMU guest agent is not configured", code=74, domain=10)
        agent.awake.wait(60)
        if agent.error:
            raise agent.error
        return agent

    def addresses(self, uuid: str) -> tuple[str, ...]:
        return self._agent("agent_addresses", uuid).addresses

    def clock(self, uuid: str) -> float:
        return time.time() + self._agent("agent_clock", uuid).ahead_s

    def set_clock(self, uuid: str, seconds: float) -> None:
        self._agent("agent_set_clock", uuid).ahead_s = seconds - time.time()


class FakePower:
    def __init__(self, connection: FakeConnection) -> None:
        self._connection = connection
        self.agent = FakeAgent(connection)

    def cpu_ns(self, uuid: str) -> int:
        guest = self._connection._called("cpu_ns", uuid).guest(uuid)
        guest.cpu_ms += guest.works_ms
        return guest.cpu_ms * 1_000_000

    def shut_down(self, uuid: str) -> None:
        host = self._connection._called("shut_down", uuid)
        guest = host.guest(uuid)
        if not guest.active:
            raise Refused("Requested operation is not valid: domain is not running", code=55, domain=10)
        if guest.obeys:
            guest.state, guest.reason = RunState.SHUTOFF, "shutdown"


class FakeDefinition:
    def __init__(self, connection: FakeConnection) -> None:
        self._called = connection._called

    def set_autostart(self, uuid: str, enabled: bool) -> None:
        self._called("set_autostart", uuid, enabled).guest(uuid).autostart = enabled

    def undefine(self, uuid: str) -> None:
        host = self._called("undefine", uuid)
        if host.guest(uuid).active:
            raise Refused("the VM is not shut off", code=55, domain=10)
        del host.guests[uuid]


class FakeMemory:
    """A host that cannot measure, until a test says how fast the guest writes."""

    def __init__(self, connection: FakeConnection) -> None:
        self._connection = connection

    def use(self, uuid: str) -> MemoryUse:
        return self._connection._called("memory use", uuid).guest(uuid).memory_use

    def measure(self, uuid: str, seconds: int) -> None:
        if self._connection._called("measure", uuid).guest(uuid).dirty is None:
            raise Refused("this function is not supported by the connection driver", code=3, domain=10)

    def measured(self, uuid: str) -> DirtyRate | None:
        return self._connection._called("measured", uuid).guest(uuid).dirty


class FakePasses:
    def __init__(self, connection: FakeConnection) -> None:
        self._connection = connection
        self.mine: list[tuple[str, Callable[[], None]]] = []
        self.memory = FakeMemory(connection)

    def listen(self, uuid: str, begun: Callable[[], None]) -> None:
        host = self._connection._called("passes", uuid)
        self.mine.append((uuid, begun))
        host.passes.append((uuid, begun))

    def post_copy(self, uuid: str) -> None:
        host = self._connection._called("post_copy", uuid)
        call = next(c.arguments[0] for c in reversed(host.fleet.calls) if c.method == "migrate")
        if Flag.POSTCOPY not in call.flags:
            raise Refused("post-copy can only be started with VIR_MIGRATE_POSTCOPY", code=55, domain=10)
        host.fleet.moves[uuid].post_copy.set()

    def pause_post_copy(self, uuid: str) -> None:
        host = self._connection._called("pause_post_copy", uuid)
        if host.guest(uuid).reason != "post-copy":
            raise Refused("current job is not outgoing migration in post-copy mode", code=55, domain=10)
        host.fleet.moves[uuid].pause.set()


class FakeConnection:
    """A HostConnection over a FakeHost."""

    def __init__(self, host: FakeHost) -> None:
        self._host = host
        self._closed = False
        self._mine: list[Callable[[HostEvent], None]] = []
        self.passes = FakePasses(self)
        self.paused = FakePaused(self._of_guest, host.resumes, self._called)
        self.power = FakePower(self)
        self.definition = FakeDefinition(self)
        self.parts = FakeParts(self._called, host.name)

    def _of_guest(self, method: str, uuid: str, *arguments: Any) -> FakeGuest:
        return self._called(method, uuid, *arguments).guest(uuid)

    def _called(self, method: str, *arguments: Any) -> FakeHost:
        if self._closed:
            raise HostUnreachable("the connection was closed")
        self._host.called(method, *arguments)
        return self._host

    def close(self) -> None:
        self._closed = True
        self._host.listeners = [one for one in self._host.listeners if one not in self._mine]
        self._host.passes = [one for one in self._host.passes if one not in self.passes.mine]
        for one in self.paused.mine:
            self._host.resumes.remove(one)
        self.paused.mine.clear()

    def alive(self) -> bool:
        return not self._closed and not self._host.silent

    def identity(self) -> HostIdentity:
        return self._called("identity").identity()

    def capabilities(self) -> HostCapabilities:
        host = self._called("capabilities")
        arch = GuestArch(
            arch="x86_64",
            emulator=_EMULATOR,
            machines=tuple(MachineType(name=name, canonical=name) for name in host.machines),
            domain_types=("qemu",),
        )
        return HostCapabilities(
            host_uuid=host.uuid,
            arch="x86_64",
            cpu_model="qemu64",
            cpu_vendor="AMD",
            cpu_features=frozenset(),
            cpus=4,
            qemu_uid=host.qemu_uid,
            guests=(arch,),
        )

    def domain_capabilities(self, *, emulator: str, arch: str, machine: str, virt_type: str) -> DomainCapabilities:
        host = self._called("domain_capabilities", emulator, arch, machine, virt_type)
        if machine not in host.machines:
            raise Refused(f"the machine '{machine}' is not supported by emulator '{emulator}'", code=8, domain=10)
        return DomainCapabilities(
            emulator=emulator,
            machine=machine,
            arch=arch,
            virt_type=virt_type,
            max_vcpus=288,
            cpu_modes={"custom": CpuMode(supported=True, models=frozenset({"qemu64"}))},
            offers={
                ("disk", "diskDevice"): frozenset({"disk", "cdrom"}),
                ("disk", "bus"): frozenset({"virtio", "sata", "scsi"}),
            },
        )

    def compare_cpu(self, *, emulator: str, arch: str, machine: str, virt_type: str, cpu_xml: str) -> tuple[bool, str]:
        return self._called("compare_cpu", cpu_xml).cpu_answer

    def memory(self) -> NodeMemory:
        return self._called("memory").memory

    def probe(self, probe: Probe[T], *words: str) -> T | None:
        host = self._called(probe.name, *words)
        asked = probe.words(words)
        if probe.name in host.written:
            return probe.read(host.written[probe.name], asked)
        known: dict[str, Any] = {
            "available_memory": host.available_kib,
            "mounts": {folder: host.mounts.get(folder) for folder in asked},
        }
        return known.get(probe.name)

    def guests(self) -> tuple[GuestStatus, ...]:
        return tuple(guest.status() for guest in list(self._called("guests").guests.values()))

    def usage(self) -> tuple[GuestUsage, ...]:
        self._called("usage")
        return ()

    def leases(self) -> tuple[Lease, ...]:
        self._called("leases")
        return ()

    def guest_details(self, uuid: str) -> GuestDetails:
        guest = self._called("guest_details", uuid).guest(uuid)
        if guest.job is not None and guest.job.kind is JobKind.MIGRATION_IN:
            raise Arriving
        return guest.details()

    def managed_save_definition(self, uuid: str) -> GuestDefinition:
        guest = self._called("managed_save_definition", uuid).guest(uuid)
        return guest.saved_state or guest.definition

    def find_guest(self, *, uuid: str = "", name: str = "") -> GuestStatus | None:
        host = self._called("find_guest", uuid, name)
        found = (g for g in host.guests.values() if (g.definition.uuid == uuid if uuid else g.definition.name == name))
        guest = next(found, None)
        return guest.status() if guest else None

    def pools(self) -> tuple[Pool, ...]:
        return tuple(self._called("pools").pools)

    def volumes(self, pool: str) -> tuple[Volume, ...]:
        return tuple(volume for volume in self._called("volumes", pool).volumes if volume.pool == pool)

    def networks(self) -> tuple[Network, ...]:
        return tuple(self._called("networks").networks)

    def interfaces(self) -> tuple[Interface, ...]:
        return tuple(self._called("interfaces").interfaces)

    def secrets(self) -> tuple[Secret, ...]:
        return tuple(self._called("secrets").secrets)

    def network_filters(self) -> tuple[NetworkFilter, ...]:
        return tuple(self._called("network_filters").network_filters)

    def volume_at(self, path: str) -> Volume | None:
        host = self._called("volume_at", path)
        return next((volume for volume in host.volumes if volume.path == path), None)

    def volume_named(self, pool: str, name: str) -> Volume | None:
        host = self._called("volume_named", pool, name)
        return next((volume for volume in host.volumes if (volume.pool, volume.name) == (pool, name)), None)

    def files_exist(self, paths: Iterable[str]) -> dict[str, bool | None]:
        wanted = tuple(paths)
        host = self._called("files_exist", wanted)
        volumes = {volume.path for volume in host.volumes}
        return {path: host.files.get(path, True if path in volumes else None) for path in wanted}

    def listen(self, callback: Callable[[HostEvent], None]) -> None:
        host = self._called("listen")
        self._mine.append(callback)
        host.listeners.append(callback)

    def look(self, uuid: str) -> GuestLook:
        try:
            return self._called("look", uuid).guest(uuid).look()
        except GuestMissing:
            return GuestLook(answered=True, present=False)
        except GatewayError as error:
            return GuestLook(answered=False, error=error.message)

    def run_number(self, uuid: str) -> int:
        guest = self._called("run_number", uuid).guest(uuid)
        return guest.run if guest.active else -1

    def start(self, uuid: str) -> None:
        guest = self._called("start", uuid).guest(uuid)
        if guest.active:
            raise Refused("Requested operation is not valid: domain is already running", code=55, domain=10)
        guest.state, guest.reason = RunState.RUNNING, "booted"
        guest.run += 1

    def suspend(self, uuid: str) -> None:
        guest = self._called("suspend", uuid).guest(uuid)
        leaves = guest.job is not None and guest.job.kind is JobKind.MIGRATION_OUT
        guest.state, guest.reason = RunState.PAUSED, "migration" if leaves else "user"

    def resume(self, uuid: str) -> None:
        guest = self._called("resume", uuid).guest(uuid)
        if guest.state is RunState.PAUSED:
            guest.state, guest.reason = RunState.RUNNING, "unpaused"
            self._host.tell_resumed(uuid)

    def block_jobs(self, uuid: str, targets: Iterable[str]) -> tuple[str, ...]:
        jobs = self._called("block_jobs", uuid).guest(uuid).block_jobs
        return tuple(target for target in targets if target in jobs)

    def runtime_settings(self, uuid: str) -> RuntimeSettings:
        return self._called("runtime_settings", uuid).guest(uuid).runtime

    def checkpoints(self, uuid: str) -> tuple[Checkpoint, ...]:
        return self._called("checkpoints", uuid).guest(uuid).checkpoints

    def checkpoint_named(self, uuid: str, name: str) -> Checkpoint | None:
        there = self._called("checkpoint_named", uuid, name).guest(uuid).checkpoints
        return next((one for one in there if one.name == name), None)

    def redefine_checkpoint(self, uuid: str, xml: str, *, validate: bool) -> None:
        guest, given = self._called("redefine_checkpoint", uuid, xml, validate).guest(uuid), checkpoint_xml.parse(xml)
        if validate and (guest.state is RunState.PAUSED or given.name in guest.lost_bitmaps):
            raise Refused(f"missing or broken bitmap '{given.name}' for disk 'vda'", code=109, domain=10)
        there = [one for one in guest.checkpoints if one.name != given.name]
        if given.parent and given.parent not in [one.name for one in there]:
            raise Refused(f"parent {given.parent} for checkpoint {given.name} not found", code=8, domain=10)
        guest.checkpoints = (*there, given)

    def probe_peer(self, uuid: str, peer: PeerEndpoint, *, deadline: float) -> PeerProbe:
        return self._called("probe_peer", uuid, peer).probe

    def can_ask(self, parameter: Parameter) -> bool:
        return True

    def migrate(self, call: MigrateCall) -> None:
        host = self._called("migrate", call)
        host.guest(call.uuid)
        start = host.fleet.resume_move if Flag.POSTCOPY_RESUME in call.flags else host.fleet.start_move
        move = start(call.uuid, host, host.fleet[call.peer.address], call)
        while not move.over.wait(0.01):
            if not self.alive():
                raise HostUnreachable("the connection was lost", code=38, domain=7)
        if not self.alive():
            raise HostUnreachable("the connection was lost", code=38, domain=7)
        if move.pause.is_set():
            raise GatewayError("operation failed: job 'migration in' failed in post-copy phase", code=9, domain=10)
        if move.aborted.is_set():
            raise Aborted("operation aborted: job 'migration out' canceled by client", code=78, domain=10)
        if move.raises:
            raise move.error

    def job(self, uuid: str) -> JobStats | None:
        guest = self._called("job", uuid).guest(uuid)
        return guest.job if guest.active else None

    def finished_job(self, uuid: str) -> JobStats | None:
        return self._called("finished_job", uuid).guest(uuid).finished

    def abort(self, uuid: str) -> None:
        host = self._called("abort", uuid)
        move = host.fleet.moves.get(uuid)
        if host.guest(uuid).job is None or move is None:
            raise Refused("Requested operation is not valid: no job is active on the domain", code=55, domain=10)
        if move.too_late or move.switching.is_set():
            raise Refused("Requested operation is not valid: cannot abort now", code=55, domain=10)
        move.aborted.set()

    def limits(self, uuid: str) -> JobLimits:
        return self._called("limits", uuid).guest(uuid).limits

    def set_limit(self, uuid: str, limit: Limit) -> None:
        guest = self._called("set_limit", uuid, limit).guest(uuid)
        match limit:
            case LimitBandwidth(mib):
                guest.limits = replace(guest.limits, bandwidth_mib=mib)
            case LimitDowntime(milliseconds):
                guest.limits = replace(guest.limits, max_downtime_ms=milliseconds)
            case LimitCache(mib):
                guest.limits = replace(guest.limits, xbzrle_cache_mib=mib)

    def create_volume(self, spec: VolumeSpec) -> Volume:
        host = self._called("create_volume", spec)
        pool = next((pool for pool in host.pools if pool.name == spec.pool), None)
        if pool is None:
            raise Refused(f"no storage pool with matching name '{spec.pool}'", code=49, domain=18)
        path = f"{pool.target_path}/{spec.name}"
        if any(volume.path == path for volume in host.volumes):
            raise GatewayError(f"storage volume '{spec.name}' exists already", code=90, domain=18)
        volume = Volume(
            pool=spec.pool,
            name=spec.name,
            path=path,
            type="file",
            format=spec.format,
            capacity=spec.capacity,
            allocation=0,
            qcow2=spec.qcow2,
        )
        host.volumes.append(volume)
        return volume

    def volume_identity(self, pool: str, name: str, path: str) -> VolumeIdentity | None:
        host = self._called("volume_identity", pool, name, path)
        found = next((volume for volume in host.volumes if (volume.pool, volume.name) == (pool, name)), None)
        if found is None:
            return None
        return VolumeIdentity(
            capacity=found.capacity,
            format=found.format,
            modified=host.modified.get(path, 0.0),
            file=host.file_numbers.get(path, ""),
        )

    def delete_volume(self, pool: str, name: str) -> None:
        host = self._called("delete_volume", pool, name)
        kept = [volume for volume in host.volumes if (volume.pool, volume.name) != (pool, name)]
        if len(kept) == len(host.volumes):
            raise Refused(f"no storage vol with matching name '{name}'", code=50, domain=18)
        host.volumes = kept

    @property
    def disks(self) -> FakeDisks:
        def called(method: str, uuid: str, *arguments: Any) -> FakeGuest:
            return self._called(method, uuid, *arguments).guest(uuid)

        return FakeDisks(called, self._called)
