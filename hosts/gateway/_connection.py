"""HostConnection over libvirt. The work is in the modules beside it; here it is opened, put together and closed.

Every method is done within the connection's deadline (of its own where it takes one), except migrate(). One call at a
time: a migration needs one connection for migrate(), and another one to watch it and to abort.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from hosts.calls.move import MigrateCall, Parameter
from hosts.calls.steer import Limit
from hosts.facts.checkpoint import Checkpoint
from hosts.facts.endpoint import Endpoint, PeerEndpoint
from hosts.facts.guest import GuestDetails, GuestLook, GuestStatus, JobLimits, JobStats, RuntimeSettings
from hosts.facts.host import DomainCapabilities, HostCapabilities, HostIdentity, NodeMemory
from hosts.facts.network import Interface, Lease, Network
from hosts.facts.storage import Pool, Volume, VolumeIdentity, VolumeSpec
from hosts.facts.supplies import NetworkFilter, Secret
from hosts.facts.usage import GuestUsage
from hosts.gateway import (
    _checkpoints,
    _errors,
    _interfaces,
    _inventory,
    _job,
    _limits,
    _mover,
    _sessions,
    _ssh,
    _storage,
    _supplies,
    _tls,
    _usage,
    transports,
)
from hosts.gateway._asking import ask
from hosts.gateway._definition import Definition
from hosts.gateway._disks import Disks
from hosts.gateway._events import Events
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link
from hosts.gateway._loop import libvirt_with_loop
from hosts.gateway._parts import Parts
from hosts.gateway._passes import Passes
from hosts.gateway._paused import Paused
from hosts.gateway._power import Power
from hosts.gateway.port import HostEvent, HostUnreachable, PeerProbe
from hosts.gateway.probe import Probe

if TYPE_CHECKING:
    import libvirt

T = TypeVar("T")

#: seconds between questions, and how many may stay unanswered: a lost host is noticed after 20 s
_KEEPALIVE = (5, 3)

#: attempts that have not come back yet: by URI, from when on each counts as hanging
_opening: dict[str, list[float]] = defaultdict(list)
_opening_lock = threading.Lock()
#: of connections that are sessions on a shared one: what frees these
_freeing: weakref.WeakKeyDictionary[libvirt.virConnect, weakref.finalize[Any, Any]] = weakref.WeakKeyDictionary()


def uri_of(endpoint: Endpoint) -> str:
    way = transports.row(endpoint.transport)
    ssh = _ssh.wrapper(endpoint) if way.wrapped else None
    return transports.connection_uri(endpoint, ssh=ssh, pki=_tls.folder() if way.certified else None)


def open_connection(endpoint: Endpoint, *, deadline: float) -> LibvirtConnection:
    """Raises HostUnreachable. `deadline` is also that of each later call."""
    uri = uri_of(endpoint)
    if _hangs(uri):
        _ask_first(endpoint, deadline)

    def open_raw() -> libvirt.virConnect:
        return _open_shared(endpoint) or _open_own(uri, deadline)

    link = Link(open_raw, name=_name(endpoint), deadline=deadline, closed=_free_session)
    return LibvirtConnection(link, endpoint)


def _open_shared(endpoint: Endpoint) -> libvirt.virConnect | None:
    """Over a shared ssh connection. None: there is none."""
    if not transports.row(endpoint.transport).wrapped:
        return None
    return _open_forwarded(endpoint) or _open_session(endpoint)


def _open_forwarded(endpoint: Endpoint) -> libvirt.virConnect | None:
    """By the socket that is forwarded to the host's: no program has to be started for it, here or there. None: it did
    not work, and a session tells why."""
    with _sessions.to_libvirt(endpoint) as socket:
        if socket is None:
            return None
        try:
            return _open(transports.forwarded_uri(socket))
        except HostUnreachable:
            return None


def _open_session(endpoint: Endpoint) -> libvirt.virConnect | None:
    """As a session, which is free again when libvirt's connection is closed."""
    session = _sessions.take(endpoint)
    if session is None:
        return None
    try:
        with session.waiting():
            raw = _open(transports.connection_uri(endpoint, ssh=session.program))
    except HostUnreachable:
        session.free()
        if session.connected:  # it is libvirt that could not be reached
            raise
        return None
    _freeing[raw] = freeing = weakref.finalize(raw, session.free)
    freeing.atexit = False
    return raw


def _free_session(raw: libvirt.virConnect) -> None:
    if raw in _freeing:
        _freeing[raw]()


def _open_own(uri: str, deadline: float) -> libvirt.virConnect:
    late = time.monotonic() + deadline / 2
    with _opening_lock:
        _opening[uri].append(late)
    try:
        return _open(uri)
    finally:
        with _opening_lock:
            _opening[uri].remove(late)


def _open(uri: str) -> libvirt.virConnect:
    """In a thread that may never return. If it returns too late, dropping the connection closes it."""
    libvirt = libvirt_with_loop()
    try:
        raw = libvirt.open(uri)
        raw.setKeepAlive(*_KEEPALIVE)
        return raw
    except libvirt.libvirtError as error:
        raise _errors.not_opened(error) from None


def _hangs(uri: str) -> bool:
    """Whether an earlier attempt hangs. One that is still within its time does not count."""
    with _opening_lock:
        return any(late < time.monotonic() for late in _opening[uri])


def _ask_first(endpoint: Endpoint, deadline: float) -> None:
    """An earlier attempt still hangs: ask by a process that can be killed, so that hanging threads do not pile up."""
    from hosts.gateway._first_contact import meet

    contact = meet(endpoint, deadline=deadline)
    if contact.problem is not None:
        raise HostUnreachable(f"{_name(endpoint)} is still not reachable: {contact.message or contact.problem}")


def _name(endpoint: Endpoint) -> str:
    return endpoint.address or "the local libvirt"


class LibvirtConnection:
    """The methods are described in HostConnection."""

    def __init__(self, link: Link, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._link = link
        self._guests = Guests(self._link)
        self.start = self._guests.start
        self.suspend, self.resume = self._guests.suspend, self._guests.resume
        self.managed_save_definition = self._guests.managed_save_definition
        self.disks = Disks(self._link, self._guests)
        self._events = Events(self._link)
        self.passes = Passes(self._link, self._guests)
        self.paused, self.parts = Paused(self._link, self._guests), Parts(self._link, self._guests)
        self.power, self.definition = Power(self._link, self._guests), Definition(self._link, self._guests)

    def close(self) -> None:
        """Never raises, never waits longer than two seconds; a second time does nothing."""
        for told in (self._events, self.passes, self.paused, self.parts):
            told.mute()
        self._guests.forget()
        self._link.close()

    def alive(self) -> bool:
        return self._link.alive()

    def identity(self) -> HostIdentity:
        return _inventory.identity(self._link)

    def capabilities(self) -> HostCapabilities:
        return _inventory.capabilities(self._link)

    def domain_capabilities(self, *, emulator: str, arch: str, machine: str, virt_type: str) -> DomainCapabilities:
        return _inventory.domain_capabilities(
            self._link, emulator=emulator, arch=arch, machine=machine, virt_type=virt_type
        )

    def compare_cpu(self, *, emulator: str, arch: str, machine: str, virt_type: str, cpu_xml: str) -> tuple[bool, str]:
        return _inventory.compare_cpu(
            self._link, emulator=emulator, arch=arch, machine=machine, virt_type=virt_type, cpu_xml=cpu_xml
        )

    def memory(self) -> NodeMemory:
        return _inventory.memory(self._link)

    def probe(self, probe: Probe[T], *words: str) -> T | None:
        return ask(self._link, self._endpoint, probe, *words)

    def guests(self) -> tuple[GuestStatus, ...]:
        return _inventory.guests(self._link)

    def usage(self) -> tuple[GuestUsage, ...]:
        return _usage.usage(self._link)

    def leases(self) -> tuple[Lease, ...]:
        return _usage.leases(self._link)

    def guest_details(self, uuid: str) -> GuestDetails:
        return self._guests.details(uuid)

    def find_guest(self, *, uuid: str = "", name: str = "") -> GuestStatus | None:
        return _inventory.find_guest(self._link, uuid=uuid, name=name)

    def pools(self) -> tuple[Pool, ...]:
        return _storage.pools(self._link)

    def volumes(self, pool: str) -> tuple[Volume, ...]:
        return _storage.volumes(self._link, pool)

    def networks(self) -> tuple[Network, ...]:
        return _inventory.networks(self._link)

    def interfaces(self) -> tuple[Interface, ...]:
        return _interfaces.interfaces(self._link, self._endpoint)

    def secrets(self) -> tuple[Secret, ...]:
        return _supplies.secrets(self._link)

    def network_filters(self) -> tuple[NetworkFilter, ...]:
        return _supplies.network_filters(self._link)

    def volume_at(self, path: str) -> Volume | None:
        return _storage.volume_at(self._link, path)

    def volume_named(self, pool: str, name: str) -> Volume | None:
        return _storage.volume_named(self._link, pool, name)

    def files_exist(self, paths: Iterable[str]) -> dict[str, bool | None]:
        return _storage.files_exist(self._link, self._endpoint, paths)

    def listen(self, callback: Callable[[HostEvent], None]) -> None:
        self._events.listen(callback)

    def look(self, uuid: str) -> GuestLook:
        return _job.look(self._link, self._guests, uuid)

    def run_number(self, uuid: str) -> int:
        return self._guests.run_number(uuid)

    def block_jobs(self, uuid: str, targets: Iterable[str]) -> tuple[str, ...]:
        return self._guests.block_jobs(uuid, targets)

    def runtime_settings(self, uuid: str) -> RuntimeSettings:
        return self._guests.runtime_settings(uuid)

    def checkpoints(self, uuid: str) -> tuple[Checkpoint, ...]:
        return _checkpoints.checkpoints(self._link, self._guests, uuid)

    def checkpoint_named(self, uuid: str, name: str) -> Checkpoint | None:
        return _checkpoints.checkpoint_named(self._link, self._guests, uuid, name)

    def redefine_checkpoint(self, uuid: str, xml: str, *, validate: bool) -> None:
        _checkpoints.redefine_checkpoint(self._link, self._guests, uuid, xml, validate=validate)

    def probe_peer(self, uuid: str, peer: PeerEndpoint, *, deadline: float) -> PeerProbe:
        return _mover.probe_peer(self._link, self._guests, uuid, peer, deadline=deadline)

    def can_ask(self, parameter: Parameter) -> bool:
        return _mover.can_ask(parameter)

    def migrate(self, call: MigrateCall) -> None:
        _mover.migrate(self._link, self._guests, call)

    def job(self, uuid: str) -> JobStats | None:
        return _job.job(self._link, self._guests, uuid)

    def finished_job(self, uuid: str) -> JobStats | None:
        return _job.finished_job(self._link, self._guests, uuid)

    def abort(self, uuid: str) -> None:
        _mover.abort(self._link, self._guests, uuid)

    def limits(self, uuid: str) -> JobLimits:
        return _limits.limits(self._link, self._guests, uuid)

    def set_limit(self, uuid: str, limit: Limit) -> None:
        _limits.set_limit(self._link, self._guests, uuid, limit)

    def create_volume(self, spec: VolumeSpec) -> Volume:
        return _storage.create_volume(self._link, self._endpoint, spec)

    def volume_identity(self, pool: str, name: str, path: str) -> VolumeIdentity | None:
        return _storage.volume_identity(self._link, self._endpoint, pool, name, path)

    def delete_volume(self, pool: str, name: str) -> None:
        _storage.delete_volume(self._link, pool, name)
