"""Ask both hosts everything the preflight checks want to know. Nothing is decided here; what fails is Unknown."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from operator import methodcaller
from typing import TypeVar

from hosts.facts.guest import GuestDefinition, GuestDetails, GuestLook, GuestStatus
from hosts.facts.host import DomainCapabilities, NodeMemory
from hosts.facts.storage import Mount, Volume
from hosts.facts.unknown import Unknown
from hosts.gateway.port import GatewayError, HostConnection, PeerResult
from hosts.models import Host
from migrations_app.domain.disks import Storage, folders_to_ask, place
from migrations_app.domain.preflight.facts import Facts, HostFacts, PeerFact
from migrations_app.domain.request import MigrationRequest

T = TypeVar("T")
Connection = HostConnection | Unknown
PROBE_SECONDS = 8.0
#: no check looks at these of the source, and by ssh they cost a login
NOT_ASKED = Unknown("Only the destination was asked.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One host of the move and the connection to it, or why there is none."""

    host: Host
    connection: Connection

    def learn(self, ask: Callable[[HostConnection], T]) -> T | Unknown:
        if isinstance(self.connection, Unknown):
            return self.connection
        try:
            return ask(self.connection)
        except GatewayError as error:
            return Unknown(f"{self.host.name}: {error.message}")


def collect(
    request: MigrationRequest, source: Side, target: Side, *, probe: bool
) -> tuple[Facts, GuestDetails | Unknown]:
    """Both hosts at the same time, each over its own connection. What by ssh costs a login is asked beside the rest.

    `probe`: ask the source's libvirtd to reach the target's; the caller holds the guest's probe lock.
    """
    uuid = request.guest
    with ThreadPoolExecutor(max_workers=6) as pool:
        details_coming = pool.submit(source.learn, lambda c: c.guest_details(uuid))
        target_coming = pool.submit(_host_facts, target)
        memory_coming = pool.submit(_memory, target)
        interfaces_coming = pool.submit(target.learn, lambda c: c.interfaces())
        details = details_coming.result()
        guest = _moving_definition(details)
        on_target = pool.submit(lambda: _on_target(request, guest, target, _shown(target_coming.result())))
        source_host = _host_facts(source)

        def folders() -> tuple[list[str], list[str]]:
            disks = () if isinstance(guest, Unknown) else guest.disks
            return folders_to_ask(disks, _shown(source_host), _shown(target_coming.result()))

        source_mounts_coming = pool.submit(lambda: _mounts(folders()[0], source))
        target_mounts_coming = pool.submit(lambda: _mounts(folders()[1], target))
        from_source = _from_source(request, guest, source)
        peer = _peer(uuid, source, target) if probe else Unknown("The connection between the hosts was not tried.")
        target_host = replace(
            target_coming.result(), memory=memory_coming.result(), interfaces=interfaces_coming.result()
        )
        there = on_target.result()
    known = details if isinstance(details, GuestDetails) else None
    facts = Facts(
        request=request,
        source=source_host,
        target=target_host,
        guest=guest,
        guest_look=from_source.look,
        persistent=known.persistent if known else _why(details),
        snapshots=known.snapshots if known else _why(details),
        managed_save=known.managed_save if known else _why(details),
        block_jobs=from_source.block_jobs,
        target_same_uuid=there.same_uuid,
        target_same_name=there.same_name,
        source_volumes=from_source.volumes,
        target_volumes=there.volumes,
        source_mounts=source_mounts_coming.result(),
        target_mounts=target_mounts_coming.result(),
        target_files=there.files,
        target_domcaps=there.domcaps,
        target_cpu=there.cpu,
        peer=peer,
    )
    return facts, details


def _moving_definition(details: GuestDetails | Unknown) -> GuestDefinition | Unknown:
    return details if isinstance(details, Unknown) else details.live or details.definition


def _why(value: object) -> Unknown:
    return value if isinstance(value, Unknown) else Unknown("The VM could not be read.")


def _host_facts(side: Side) -> HostFacts:
    peer = side.host.peer
    return HostFacts(
        name=side.host.name,
        peer_address=peer.address if peer else "",
        peer_user=peer.user if peer else "",
        migration_address=side.host.migration_address,
        identity=side.learn(lambda c: c.identity()),
        memory=NOT_ASKED,
        capabilities=side.learn(lambda c: c.capabilities()),
        pools=side.learn(lambda c: c.pools()),
        networks=side.learn(lambda c: c.networks()),
        interfaces=NOT_ASKED,
    )


def _memory(side: Side) -> NodeMemory | Unknown:
    memory = side.learn(lambda c: c.memory())
    available = side.learn(lambda c: c.available_kib())
    if isinstance(memory, Unknown) or isinstance(available, Unknown) or available is None:
        return memory
    return replace(memory, free_kib=available)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FromSource:
    look: GuestLook | Unknown
    volumes: dict[str, Volume | Unknown | None] | Unknown
    block_jobs: tuple[str, ...] | Unknown


def _from_source(request: MigrationRequest, guest: GuestDefinition | Unknown, side: Side) -> _FromSource:
    look = side.learn(lambda c: c.look(request.guest))
    if not isinstance(look, Unknown) and not look.answered:
        look = Unknown(f"{side.host.name}: {look.error}")
    if isinstance(guest, Unknown):
        return _FromSource(look=look, volumes=guest, block_jobs=guest)
    targets = [disk.target for disk in guest.disks if not disk.empty]
    block_jobs: tuple[str, ...] | Unknown = ()
    if isinstance(look, Unknown):
        block_jobs = look
    elif look.active:
        block_jobs = side.learn(lambda c: c.block_jobs(request.guest, targets))
    return _FromSource(look=look, volumes=_volumes(guest, side), block_jobs=block_jobs)


def _volumes(guest: GuestDefinition, side: Side) -> dict[str, Volume | Unknown | None] | Unknown:
    """One question per place: one that fails leaves the others' answers."""
    if isinstance(side.connection, Unknown):
        return side.connection
    found: dict[str, Volume | Unknown | None] = {}
    for disk in guest.disks:
        if disk.volume:
            found[place(disk)] = side.learn(methodcaller("volume_named", disk.pool, disk.volume))
        for path in filter(None, (disk.path, *disk.backing)):
            found[path] = side.learn(methodcaller("volume_at", path))
    return found


def _shown(host: HostFacts) -> Storage:
    """Its pools alone."""
    return Storage(pools=() if isinstance(host.pools, Unknown) else host.pools)


def _mounts(folders: list[str], side: Side) -> dict[str, Mount | Unknown] | Unknown:
    """What these folders lie on."""
    if not folders:
        return {}
    found = side.learn(lambda c: c.mounts(folders))
    if isinstance(found, Unknown):
        return found
    unknown = Unknown(f"Which file system is there on {side.host.name} is not known.")
    return {path: found.get(path) or unknown for path in folders}


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnTarget:
    same_uuid: GuestStatus | Unknown | None
    same_name: GuestStatus | Unknown | None
    volumes: dict[str, Volume | Unknown | None] | Unknown
    files: dict[str, bool | Unknown] | Unknown
    domcaps: DomainCapabilities | Unknown
    cpu: tuple[bool, str] | Unknown


def _on_target(request: MigrationRequest, guest: GuestDefinition | Unknown, side: Side, storage: Storage) -> _OnTarget:
    same_uuid = side.learn(lambda c: c.find_guest(uuid=request.guest))
    if isinstance(guest, Unknown):
        return _OnTarget(same_uuid=same_uuid, same_name=guest, volumes=guest, files=guest, domcaps=guest, cpu=guest)
    kvm = guest.virt_type == "kvm"

    def compare(c: HostConnection) -> tuple[bool, str]:
        return c.compare_cpu(
            emulator=guest.emulator,
            arch=guest.arch,
            machine=guest.machine,
            virt_type=guest.virt_type,
            cpu_xml=guest.cpu.xml,
        )

    return _OnTarget(
        same_uuid=same_uuid,
        same_name=side.learn(lambda c: c.find_guest(name=guest.name)),
        volumes=_volumes(guest, side),
        files=_files(guest, side, storage),
        domcaps=side.learn(
            lambda c: c.domain_capabilities(
                emulator=guest.emulator, arch=guest.arch, machine=guest.machine, virt_type=guest.virt_type
            )
        ),
        cpu=side.learn(compare) if kvm and guest.cpu.xml else _not_compared(guest),
    )


def _not_compared(guest: GuestDefinition) -> Unknown:
    if guest.virt_type == "kvm":
        return Unknown(f"The definition of {guest.name} does not say which CPU it has.")
    return Unknown("Only KVM can compare CPUs.")


def _files(guest: GuestDefinition, side: Side, storage: Storage) -> dict[str, bool | Unknown] | Unknown:
    boot = guest.boot
    images = [path for disk in guest.disks for path in (storage.path(disk), *disk.backing)]
    paths = [path for path in (boot.kernel, boot.initrd, boot.dtb, boot.loader, guest.emulator, *images) if path]
    if not paths:
        return {}
    found = side.learn(lambda c: c.files_exist(paths))
    if isinstance(found, Unknown):
        return found
    return {path: _there(found.get(path), path, side.host) for path in paths}


def _there(answer: bool | None, path: str, host: Host) -> bool | Unknown:
    if answer is not None:
        return answer
    return Unknown(
        f"libvirt on {host.name} cannot say whether {path} exists there.",
        f"Make its folder a storage pool of {host.name} and refresh that, or register {host.name} by ssh.",
    )


def _peer(uuid: str, source: Side, target: Side) -> PeerFact | Unknown:
    peer = target.host.peer
    if peer is None:
        return PeerFact(reached=False, message=f"{target.host.name} has no address for other hosts.")
    answer = source.learn(lambda c: c.probe_peer(uuid, peer, deadline=PROBE_SECONDS))
    if isinstance(answer, Unknown):
        return answer
    if answer.result is PeerResult.UNKNOWN:
        return Unknown(answer.message)
    return PeerFact(reached=answer.result is PeerResult.REACHED, message=answer.message, helper=str(answer.helper))
