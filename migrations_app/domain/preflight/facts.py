"""Everything the preflight checks may look at, collected beforehand. A fact is a value or Unknown(reason)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hosts.facts.guest import GuestDefinition, GuestLook, GuestStatus, RunState
from hosts.facts.host import DomainCapabilities, HostCapabilities, HostIdentity, NodeMemory
from hosts.facts.network import Interface, Network
from hosts.facts.storage import Mount, Pool, Volume
from hosts.facts.unknown import Unknown
from migrations_app.domain.request import MigrationRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFact:
    """The peer probe's answer (libvirt.md 1.3) in pure words. `reached` False comes with libvirt's text."""

    reached: bool
    message: str = ""
    #: what the connection to the peer is made with, as the gateway calls it; "" leaves it to libvirt
    helper: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What one host said. `name` is kvmweb's name for it; `migration_address` as registered.

    `peer_address` and `peer_user` are how other hosts reach its libvirt; "" when they cannot, or as root. `memory` and
    `interfaces` are asked of the destination only.
    """

    name: str
    peer_address: str
    peer_user: str
    migration_address: str
    identity: HostIdentity | Unknown
    memory: NodeMemory | Unknown
    capabilities: HostCapabilities | Unknown
    pools: tuple[Pool, ...] | Unknown
    networks: tuple[Network, ...] | Unknown
    interfaces: tuple[Interface, ...] | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`guest` is the live definition when the guest is active (that is what moves), else the inactive one.

    `source_volumes` and `target_volumes` map each disk's place (`domain.disks.place`) to the volume the host has there,
    and the paths of the images it builds on, None when no active pool of the host shows one. `target_files` maps the
    paths of kernel, initrd, dtb, loader, emulator and images to there / not there / Unknown. The mounts are those of
    folders of images, as far as they matter and could be asked.
    """

    request: MigrationRequest
    source: HostFacts
    target: HostFacts
    guest: GuestDefinition | Unknown
    guest_look: GuestLook | Unknown
    persistent: bool | Unknown
    snapshots: int | Unknown
    managed_save: bool | Unknown
    block_jobs: tuple[str, ...] | Unknown
    target_same_uuid: GuestStatus | Unknown | None
    target_same_name: GuestStatus | Unknown | None
    source_volumes: Mapping[str, Volume | Unknown | None] | Unknown
    target_volumes: Mapping[str, Volume | Unknown | None] | Unknown
    source_mounts: Mapping[str, Mount | Unknown] | Unknown
    target_mounts: Mapping[str, Mount | Unknown] | Unknown
    target_files: Mapping[str, bool | Unknown] | Unknown
    target_domcaps: DomainCapabilities | Unknown
    #: only for KVM guests: (usable, libvirt's words) from compareHypervisorCPU
    target_cpu: tuple[bool, str] | Unknown
    peer: PeerFact | Unknown

    @property
    def paused(self) -> bool:
        """Seen paused; not seen is not paused."""
        return not isinstance(self.guest_look, Unknown) and self.guest_look.state is RunState.PAUSED
