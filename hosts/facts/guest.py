"""A guest: its definition (from domain XML), and what one host reports about it at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RunState(StrEnum):
    """libvirt's domain states in virsh's words."""

    NOSTATE = "no state"
    RUNNING = "running"
    BLOCKED = "idle"
    PAUSED = "paused"
    SHUTDOWN = "in shutdown"
    SHUTOFF = "shut off"
    CRASHED = "crashed"
    PMSUSPENDED = "pmsuspended"

    @property
    def active(self) -> bool:
        """Whether a guest in this state has a QEMU process: it takes memory of its host, and can be lost with it."""
        return self not in INACTIVE


INACTIVE = (RunState.SHUTOFF, RunState.CRASHED, RunState.NOSTATE)


class JobKind(StrEnum):
    """The job a domain is busy with on one host."""

    NONE = "none"
    MIGRATION_OUT = "migration out"
    MIGRATION_IN = "migration in"
    OTHER = "other"
    UNKNOWN = "unknown"


#: disk types whose content has a path on the host
STORED = ("file", "block", "dir", "volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """`type` is libvirt's source type: file, block, volume, network, dir, nvme, vhostuser, ..., "" for none."""

    target: str
    device: str
    type: str
    path: str = ""
    pool: str = ""
    volume: str = ""
    #: type network only: "rbd:pool/image", "nbd:export", ...
    network_name: str = ""
    format: str = ""
    cache: str = ""
    bus: str = ""
    readonly: bool = False
    shareable: bool = False
    transient: bool = False
    startup_policy: str = ""
    #: a block job runs on it (`<mirror>` in the live XML)
    mirrored: bool = False
    #: the images that this one builds on, nearest first; libvirt lists them in live XML only
    backing: tuple[str, ...] = ()
    #: those of them that have no path on the host: "network rbd:pool/base", "nvme", ...
    backing_elsewhere: tuple[str, ...] = ()
    encrypted: bool = False
    #: where a qcow2 image keeps its data outside of itself, or one that it builds on does
    data_files: tuple[str, ...] = ()
    #: only a part of the image is the disk
    sliced: bool = False

    @property
    def empty(self) -> bool:
        """A drive without a medium. A type that is not in STORED has an unknown place, but is not empty."""
        return self.type in ("", *STORED) and not (self.path or self.volume)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """`type`: network, bridge, direct, user, hostdev, vdpa, vhostuser, ...; `source` the network, bridge or device."""

    type: str
    source: str
    mac: str
    model: str = ""
    portgroup: str = ""
    #: `<virtualport type=...>`: openvswitch, midonet, 802.1Qbg, ...
    virtualport: str = ""
    #: see HostDevice
    teaming_transient: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDevice:
    """`type`: pci, usb, mdev, scsi, ...; `name` is what a user calls it (address or vendor:product)."""

    type: str
    name: str
    #: `<teaming type='transient'>`: libvirt unplugs it before the migration and plugs one in afterwards
    teaming_transient: bool = False
    #: of USB devices: mandatory (the same as ""), requisite, optional
    startup_policy: str = ""

    @property
    def can_leave(self) -> bool:
        """Whether a guest can do without it while it runs: a USB device, or a PCI device that is in a failover team."""
        return self.type == "usb" or (self.type == "pci" and self.teaming_transient)


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterDevice:
    """`device`: serial, parallel, console, channel, smartcard, redirdev, rng. `type`: pty, unix, tcp, file, dev, ...

    `listens`: QEMU makes the socket and waits there, instead of connecting to it. `log`: a file that gets a copy.
    """

    device: str
    type: str
    path: str = ""
    address: str = ""
    port: str = ""
    listens: bool = False
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graphics:
    """`ports`: those that the definition fixes. `addresses` and `networks`: where it listens. `sockets`: paths."""

    type: str
    ports: tuple[int, ...] = ()
    addresses: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedMemory:
    name: str
    model: str
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootFiles:
    kernel: str = ""
    initrd: str = ""
    dtb: str = ""
    shim: str = ""
    loader: str = ""
    nvram: str = ""
    #: the definition does not say where that is: libvirt 9.0 names the file after the VM, and writes it down in the
    #: definition of a VM that runs only
    nvram_by_name: bool = False
    #: what libvirt makes the NVRAM file from where there is none
    nvram_template: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """`features` maps a feature to its policy (require, disable, ...). `xml` is the `<cpu>` element, serialised."""

    mode: str = ""
    model: str = ""
    vendor: str = ""
    features: tuple[tuple[str, str], ...] = ()
    xml: str = ""


#: the name of the channel of QEMU's guest agent
AGENT = "org.qemu.guest_agent.0"
#: of the element `team` in a definition's metadata: the name of the team that the VM belongs to
TEAM_NAMESPACE = "urn:kvmweb:team:1"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestDefinition:
    """Parsed domain XML. Memory in KiB; `memory_kib` is the maximum, `current_memory_kib` what the balloon leaves."""

    uuid: str
    name: str
    virt_type: str
    arch: str
    machine: str
    emulator: str
    memory_kib: int
    current_memory_kib: int
    vcpus: int
    title: str = ""
    #: what its metadata says; see TEAM_NAMESPACE
    team: str = ""
    cpu: Cpu = Cpu()
    boot: BootFiles = BootFiles()
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    host_devices: tuple[HostDevice, ...] = ()
    filesystems: tuple[str, ...] = ()
    character_devices: tuple[CharacterDevice, ...] = ()
    graphics: tuple[Graphics, ...] = ()
    shared_memory: tuple[SharedMemory, ...] = ()
    has_tpm: bool = False
    hugepages: bool = False
    #: all of the definition, metadata aside: (path, value) of every element and attribute, each pair once
    leaves: tuple[tuple[str, str], ...] = ()

    def values(self, *paths: str) -> tuple[str, ...]:
        """What the definition says at these paths, each value once."""
        return tuple(dict.fromkeys(value for path, value in self.leaves if path in paths and value))

    @property
    def has_agent(self) -> bool:
        """A channel for the guest agent; whether one runs inside is another question."""
        return AGENT in self.values("devices/channel/target/@name")

    def disk(self, target: str) -> Disk | None:
        return next((disk for disk in self.disks if disk.target == target), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestStatus:
    """One row of the bulk listing: cheap, one call for all guests of a host. Memory and CPUs are 0 when not asked."""

    uuid: str
    name: str
    state: RunState
    reason: str
    current_memory_kib: int = 0
    vcpus: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestDetails:
    """What is read once per new or changed guest. `xml` is the inactive XML when there is one, else the live XML."""

    uuid: str
    definition: GuestDefinition
    xml: str
    live: GuestDefinition | None
    persistent: bool
    autostart: bool
    managed_save: bool
    snapshots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """What libvirt and QEMU keep of a running guest outside its definition.

    `speed_mib`: the limit of migrations, None without one. `thresholds`: of disk targets, the bytes that raise an event
    when they are written. `polling`: per IOThread, its longest polling in nanoseconds. `monitor`: somebody gave QEMU
    commands past libvirt.
    """

    speed_mib: int | None = None
    thresholds: Mapping[str, int] = field(default_factory=dict)
    polling: Mapping[int, int] = field(default_factory=dict)
    monitor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestLook:
    """What one host reported about one guest at one moment; the input of every decision about a migration's end.

    `answered` False: the host did not answer, nothing else in here means anything and `error` says why.
    `present` False: the host answered and knows no such guest.
    `reason` is libvirt's state reason in words (`hosts/gateway/_codes.py`), e.g. "migrated", "migration",
    "migration canceled", "post-copy", "post-copy failed", "failed", "user", "unknown".
    """

    answered: bool
    present: bool = False
    state: RunState = RunState.NOSTATE
    reason: str = ""
    persistent: bool = False
    job: JobKind = JobKind.NONE
    error: str = ""

    @property
    def active(self) -> bool:
        return self.present and self.state.active

    @property
    def runs(self) -> bool:
        return self.present and self.state in (RunState.RUNNING, RunState.BLOCKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLimits:
    """What libvirt limits a migration of this guest to; None where it does not say. `bandwidth_mib` is 0 without a
    limit."""

    bandwidth_mib: int | None = None
    max_downtime_ms: int | None = None
    xbzrle_cache_mib: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStats:
    """virDomainGetJobStats of an outgoing migration. Bytes, bytes per second, milliseconds.

    `dirty_bps` is dirty pages per second times the page size; `iteration` is the pass. Fields libvirt did not send
    are None: nothing is invented.
    """

    kind: JobKind
    elapsed_ms: int | None = None
    downtime_ms: int | None = None
    setup_ms: int | None = None
    memory_total: int | None = None
    memory_processed: int | None = None
    memory_remaining: int | None = None
    memory_bps: int | None = None
    dirty_bps: int | None = None
    iteration: int | None = None
    disk_total: int | None = None
    disk_processed: int | None = None
    disk_remaining: int | None = None
    disk_bps: int | None = None
    postcopy: bool = False
    throttle_percent: int | None = None
