"""What the two hosts of a migration report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from hosts.facts.guest import GuestStatus
from hosts.facts.host import DomainCapabilities, HostCapabilities, HostIdentity, NodeMemory, SeenDevice
from hosts.facts.network import Interface, Network
from hosts.facts.storage import FileContent, Mount, Pool, Qcow2Header, Volume
from hosts.facts.supplies import NetworkFilter, Secret
from hosts.facts.unknown import Unknown

T = TypeVar("T")
NOT_ASKED = Unknown("Nobody asked.")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What either host reports. `name` is kvmweb's name for it; `migration_address` as registered.

    `address` is how kvmweb reaches it; "" for the local socket. `plain`: over a network, and not encrypted.
    `peer_address` and `peer_user` are how other hosts reach its libvirt; "" when they cannot, or as root. `volumes`
    maps each disk's place (`domain.disks.place`) to the volume the host has there, and the paths of the images it
    builds on, None when no active pool of the host shows one. `mounts` are those of folders of images, as far as they
    matter and could be asked. `firmware` are the sizes in bytes of the files of the VM's firmware, its variables and
    their template, None for one that is not there. `media` is the content of CD and floppy images by path, where
    the pools do not prove that they are shared. `told` are the answers to the probes that are asked of this side, by
    the probe's name. `certificates` are those that TLS needs, as far as kvmweb sees them: how many days
    each is valid, by whose it is.
    """

    name: str
    peer_address: str
    peer_user: str
    migration_address: str
    identity: HostIdentity | Unknown
    capabilities: HostCapabilities | Unknown
    pools: tuple[Pool, ...] | Unknown
    networks: tuple[Network, ...] | Unknown
    volumes: Mapping[str, Volume | Unknown | None] | Unknown
    mounts: Mapping[str, Mount | Unknown] | Unknown
    address: str = ""
    plain: bool = False
    firmware: Mapping[str, int | Unknown | None] | Unknown = NOT_ASKED
    media: Mapping[str, FileContent | Unknown] | Unknown = NOT_ASKED
    told: Mapping[str, object] = field(default_factory=dict)
    certificates: Mapping[str, float] | Unknown = field(default_factory=dict)
    #: what each device is that VMs can be given, by type and name; asked for a VM that uses some
    devices: Mapping[str, SeenDevice] | Unknown = NOT_ASKED

    def answer(self, probe: str, kind: type[T]) -> T | Unknown:
        """The answer to a probe that is asked of this side before every migration."""
        found = self.told.get(probe, Unknown(f"kvmweb did not ask {self.name}."))
        if isinstance(found, Unknown | kind):
            return found
        raise TypeError(f"{probe} answers with {type(found).__name__}, not with {kind.__name__}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts(HostFacts):
    """The host that has the VM. `same_uuid` and `same_name` are asked only for a definition that may not be on it.

    `qcow2_headers` are those of the VM's qcow2 images by path, asked only when disks are copied.
    """

    same_uuid: GuestStatus | Unknown | None = None
    same_name: GuestStatus | Unknown | None = None
    qcow2_headers: Mapping[str, Qcow2Header | Unknown] | Unknown = NOT_ASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts(HostFacts):
    """The destination. Only this host is asked for what the VM needs there.

    `files` maps every path that the VM names (kernel, firmware, emulator, images, logs, ...) to there / not there /
    Unknown; a folder's ends in a slash. `ports` are the TCP ports in use.
    `same_uuid` and `same_name` are VMs that it has already.
    """

    memory: NodeMemory | Unknown
    interfaces: tuple[Interface, ...] | Unknown
    files: Mapping[str, bool | Unknown] | Unknown
    domcaps: DomainCapabilities | Unknown
    #: only for KVM guests: (usable, libvirt's words) from compareHypervisorCPU
    cpu: tuple[bool, str] | Unknown
    same_uuid: GuestStatus | Unknown | None
    same_name: GuestStatus | Unknown | None
    #: asked only for a VM that needs them
    secrets: tuple[Secret, ...] | Unknown = NOT_ASKED
    network_filters: tuple[NetworkFilter, ...] | Unknown = NOT_ASKED
    ports: frozenset[int] | Unknown = NOT_ASKED
    #: whether its kernel lets a QEMU that is not root wait for memory; asked where it may not be root
    userfaultfd: bool | Unknown = NOT_ASKED
    #: its IP addresses
    addresses: frozenset[str] | Unknown = NOT_ASKED
