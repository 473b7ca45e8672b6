"""A host for the watcher's tests: what it has is changed by the test, which also sends the events."""

from __future__ import annotations

import threading
import uuid as uuids
from collections import Counter
from collections.abc import Callable
from typing import Any

from hosts.facts.contact import Contact, ContactProblem
from hosts.facts.endpoint import Endpoint
from hosts.facts.guest import GuestDefinition, GuestDetails, GuestStatus, RunState
from hosts.facts.host import HostCapabilities, HostIdentity, NodeMemory
from hosts.facts.network import Interface, Lease, Network
from hosts.facts.storage import Pool, Volume
from hosts.facts.usage import GuestUsage
from hosts.gateway.port import EventKind, GatewayError, GuestMissing, HostEvent, HostUnreachable


def new_uuid() -> str:
    return str(uuids.uuid4())


def status(name: str = "vm", state: RunState = RunState.RUNNING, reason: str = "booted", uuid: str = "") -> GuestStatus:
    return GuestStatus(uuid=uuid or new_uuid(), name=name, state=state, reason=reason, current_memory_kib=1024, vcpus=1)


def details(uuid: str, name: str = "vm", *, title: str = "") -> GuestDetails:
    definition = GuestDefinition(
        uuid=uuid,
        name=name,
        title=title,
        virt_type="qemu",
        arch="x86_64",
        machine="pc-q35-7.2",
        emulator="/usr/bin/qemu-system-x86_64",
        memory_kib=2048,
        current_memory_kib=1024,
        vcpus=2,
    )
    return GuestDetails(
        uuid=uuid,
        definition=definition,
        xml="<domain/>",
        live=None,
        persistent=True,
        autostart=False,
        managed_save=False,
        snapshots=0,
    )


class WatchedHost:
    """Everything an address leads to. `calls` counts what was asked; `connected` how often it was opened."""

    def __init__(self, hostname: str = "kvm-a", uuid: str = "") -> None:
        self.hostname = hostname
        self.uuid = uuid or new_uuid()
        self.guests: dict[str, GuestStatus] = {}
        self.titles: dict[str, str] = {}
        self.pools: list[Pool] = []
        self.volumes: dict[str, tuple[Volume, ...]] = {}
        self.networks: list[Network] = []
        self.interfaces: list[Interface] = []
        self.usage: dict[str, GuestUsage] = {}
        #: a guest's monitor does not answer
        self.stuck = False
        self.leases: list[Lease] = []
        self.free_kib = 4_000_000
        self.problem: ContactProblem | None = None
        #: what comes after the host key was shown
        self.refuses: ContactProblem | None = None
        #: called when somebody has knocked: the world may change before he hears the answer
        self.before_met: Callable[[], None] = lambda: None
        self.host_key = ""
        self.fingerprint = ""
        self.calls: Counter[str] = Counter()
        self.detailed: Counter[str] = Counter()
        self.contacts = 0
        self.connected = 0
        self.lost = threading.Event()
        #: while it is clear, calls hang
        self.answering = threading.Event()
        self.answering.set()
        #: called within `guests`, after the list was made: the world may move on before the list is stored
        self.before_list_returns: Callable[[], None] = lambda: None
        self._listeners: list[Callable[[HostEvent], None]] = []

    def put(self, guest: GuestStatus, *, event: str = "") -> GuestStatus:
        self.guests[guest.uuid] = guest
        if event:
            self.send(EventKind.GUEST, uuid=guest.uuid, name=guest.name, detail=event)
        return guest

    def take(self, guest: GuestStatus, *, event: str = "") -> None:
        del self.guests[guest.uuid]
        if event:
            self.send(EventKind.GUEST, uuid=guest.uuid, name=guest.name, detail=event)

    def send(self, kind: EventKind, **values: str) -> None:
        for listener in list(self._listeners):
            listener(HostEvent(kind=kind, **values))

    def lose(self) -> None:
        """The connection ends and no new one can be made."""
        self.problem = ContactProblem.REFUSED
        self.lost.set()
        self.send(EventKind.CLOSED, detail="end of file")
        self._listeners.clear()

    def come_back(self) -> None:
        self.problem = None
        self.lost = threading.Event()

    def meet(self, endpoint: Endpoint) -> Contact:
        self.contacts += 1
        self.before_met()
        if self.problem is not None:
            return Contact(problem=self.problem, message="said by the fake")
        seen: dict[str, Any] = {"fingerprint": self.fingerprint, "host_key": self.host_key}
        if self.host_key and not endpoint.host_key:
            return Contact(problem=ContactProblem.HOST_KEY_UNKNOWN, **seen)
        if self.host_key and endpoint.host_key != self.host_key:
            return Contact(problem=ContactProblem.HOST_KEY_CHANGED, **seen)
        if self.refuses is not None:
            return Contact(problem=self.refuses, message="said by the fake", **seen)
        return Contact(identity=self.identity(), **seen)

    def identity(self) -> HostIdentity:
        return HostIdentity(hostname=self.hostname, uuid=self.uuid, libvirt=9_000_000, qemu=7_002_000)

    def open(self) -> _Connection:
        self.connected += 1
        return _Connection(self)

    def listen(self, callback: Callable[[HostEvent], None]) -> None:
        self._listeners.append(callback)


class Fleet:
    """The two entrances of the gateway over any number of fakes, found by address."""

    def __init__(self) -> None:
        self.hosts: dict[str, WatchedHost] = {}

    def add(self, address: str, **values: str) -> WatchedHost:
        host = self.hosts[address] = WatchedHost(**values)
        return host

    def connect(self, endpoint: Endpoint, *, deadline: float) -> Any:
        host = self.hosts[endpoint.address]
        if host.problem is not None:
            raise HostUnreachable("no connection")
        return host.open()

    def first_contact(self, endpoint: Endpoint, *, deadline: float) -> Contact:
        return self.hosts[endpoint.address].meet(endpoint)


class _Connection:
    def __init__(self, host: WatchedHost) -> None:
        self._host = host
        self._lost = host.lost

    def _called(self, what: str) -> WatchedHost:
        self._host.calls[what] += 1
        self._host.answering.wait(30)
        if self._lost.is_set():
            raise HostUnreachable("the connection was lost")
        return self._host

    def close(self) -> None: ...

    def listen(self, callback: Callable[[HostEvent], None]) -> None:
        self._called("listen").listen(callback)

    def identity(self) -> HostIdentity:
        return self._called("identity").identity()

    def capabilities(self) -> HostCapabilities:
        self._called("capabilities")
        return HostCapabilities(
            host_uuid=self._host.uuid,
            arch="x86_64",
            cpu_model="qemu64",
            cpu_vendor="AMD",
            cpu_features=frozenset(),
            cpus=4,
            guests=(),
        )

    def memory(self) -> NodeMemory:
        return NodeMemory(total_kib=8_000_000, free_kib=self._called("memory").free_kib)

    def guests(self) -> tuple[GuestStatus, ...]:
        guests = tuple(self._called("guests").guests.values())
        self._host.before_list_returns()
        return guests

    def usage(self) -> tuple[GuestUsage, ...]:
        self._called("usage")
        if self._host.stuck:
            raise GatewayError("answers, but not this", code=68)
        return tuple(self._host.usage.values())

    def leases(self) -> tuple[Lease, ...]:
        return tuple(self._called("leases").leases)

    def guest_details(self, uuid: str) -> GuestDetails:
        host = self._called("guest_details")
        host.detailed[uuid] += 1
        if uuid not in host.guests:
            raise GuestMissing("Domain not found")
        return details(uuid, host.guests[uuid].name, title=host.titles.get(uuid, ""))

    def pools(self) -> tuple[Pool, ...]:
        return tuple(self._called("pools").pools)

    def volumes(self, pool: str) -> tuple[Volume, ...]:
        host = self._called("volumes")
        if pool not in host.volumes:
            raise GatewayError(f"Storage pool not found: no storage pool with matching name '{pool}'")
        return host.volumes[pool]

    def networks(self) -> tuple[Network, ...]:
        return tuple(self._called("networks").networks)

    def interfaces(self) -> tuple[Interface, ...]:
        return tuple(self._called("interfaces").interfaces)
