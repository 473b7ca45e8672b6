"""One open connection to one host: everything is read once, afterwards what events and errands name.

Steady state is `guests` and `memory` once per refresh; the definition of a guest is read when it is new,
changed, or an event names it.
"""

from __future__ import annotations

import logging
import queue
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NoReturn, TypeVar

from django.db import connection as database
from django.utils import timezone

from hosts.facts.guest import GuestDetails, GuestStatus, RunState
from hosts.gateway.port import (
    EventKind,
    GatewayError,
    GuestMissing,
    HostConnection,
    HostEvent,
    HostUnreachable,
)
from hosts.models import Errand, Host
from hosts.watcher import store_guests, store_hosts, store_places
from hosts.watcher.meeting import CallClock, NotUsable
from hosts.watcher.target import Target

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: a burst of events is one read, this long after its first
DEBOUNCE = 0.1
#: a migrated guest's definition goes without an event, a moment after the event that it stopped: look again
SETTLE = 1.0
#: a definition that could not be read is tried again after 1, 2, 4 ... seconds, or at the next event
LONGEST_RETRY = 60.0
#: a guest that is just starting refuses once or twice; the third time is worth a line
LOGGED_FAILURE = 3
#: reading definitions in one go, and storing them in one transaction, takes about this long
DEFINITIONS_SECONDS = 0.2
#: the database connection of a thread that waits longer than this is closed
IDLE = 1.0
#: messages taken before the host is asked again, however many events arrive
_MOST_AT_ONCE = 1000
_NEVER = float("inf")


class Stopped(Exception):
    """This thread's work belongs to somebody else now, or nobody."""


@dataclass(frozen=True, slots=True)
class Ask:
    """An errand on its way to a host's thread."""

    pk: int
    what: str
    pool: str


@dataclass(frozen=True, slots=True)
class Said:
    """An event and the session that heard it; those of an old connection are ignored."""

    session: Session
    event: HostEvent


class Stop:
    pass


Message = Ask | Said | Stop
Inbox = queue.SimpleQueue[Message]


class Session:
    def __init__(
        self,
        target: Target,
        connection: HostConnection,
        *,
        inbox: Inbox,
        errands: list[Ask],
        clock: CallClock,
        stopped: Callable[[], bool],
        refresh_seconds: float,
    ) -> None:
        """`errands` is shared with the thread, which answers what is left in it when this session ends."""
        self._target = target
        self._pk = target.pk
        self._name = target.name
        self._connection = connection
        self._inbox = inbox
        self._errands = errands
        self._clock = clock
        self._stopped = stopped
        self._refresh_seconds = refresh_seconds
        self._guests_due = self._pools_due = self._networks_due = self._refresh_due = _NEVER
        #: guests whose definition is to be read, and not before when (monotonic)
        self._wanted: dict[str, float] = {}
        #: how often in a row that failed
        self._failed: dict[str, int] = {}
        #: what a guest looked like when its definition was read; a difference means reading it again
        self._read_as: dict[str, tuple[str, bool]] = {}
        self._arriving: set[str] = set()
        #: everything is to be read again, and the guests have not been yet
        self._all_due = False
        self.complete = False

    def run(self) -> NoReturn:
        """Until stopped; raises HostUnreachable when the host is lost, NotUsable when it is another."""
        self._connection.listen(lambda event: self._inbox.put(Said(self, event)))
        self._read_all()
        self.complete = True
        while True:
            self._answer_volumes()
            self._read_due()
            self._read_definitions()
            self._answer_refreshes()
            self._receive()

    # what comes in

    def _receive(self) -> None:
        wait = max(0.0, self._next_due() - time.monotonic())
        if wait > IDLE:
            database.close()
        try:
            self._note(self._inbox.get(timeout=wait) if wait > 0 else self._inbox.get_nowait())
            for _ in range(_MOST_AT_ONCE):
                self._note(self._inbox.get_nowait())
        except queue.Empty:
            if self._stopped():
                raise Stopped from None

    def _next_due(self) -> float:
        details = min((due for uuid, due in self._wanted.items() if uuid not in self._arriving), default=_NEVER)
        due = min(self._guests_due, self._pools_due, self._networks_due, self._refresh_due, details)
        return min(due, time.monotonic() + 3600)

    def _note(self, message: Message) -> None:
        if self._stopped() or isinstance(message, Stop):
            raise Stopped
        if isinstance(message, Ask):
            self._errands.append(message)
            if message.what == Errand.What.REFRESH:
                self._read_all_soon()
        elif message.session is self:
            self._note_event(message.event)

    def _note_event(self, event: HostEvent) -> None:
        soon = time.monotonic() + DEBOUNCE
        match event.kind:
            case EventKind.CLOSED:
                raise HostUnreachable(f"The connection to libvirt was lost ({event.detail or 'closed'}).")
            case EventKind.GUEST:
                self._guests_due = min(self._guests_due, soon)
                self._refresh_due = min(self._refresh_due, soon + SETTLE)
                if event.uuid:
                    self._wanted[event.uuid] = min(self._wanted.get(event.uuid, soon), soon)
            case EventKind.POOL:
                self._pools_due = min(self._pools_due, soon)
            case EventKind.NETWORK:
                self._networks_due = min(self._networks_due, soon)

    # reading

    def _ask(self, call: Callable[[], T]) -> T:
        """One question to the host, under the eyes of the main thread."""
        if self._stopped():
            raise Stopped
        self._clock.start()
        try:
            answer = call()
        finally:
            late = self._clock.reported
            self._clock.stop()
        if self._stopped():
            raise Stopped
        if late:
            self._guests_due = time.monotonic()
        return answer

    def _read_all(self) -> None:
        started = timezone.now()
        identity = self._ask(self._connection.identity)
        try:
            store_hosts.is_it(self._target, identity, started=started)
        except store_hosts.NotThisHost as error:
            raise NotUsable(Host.Contact.REFUSED, str(error)) from None
        self._read_guests()
        started = timezone.now()
        capabilities = self._optional(self._connection.capabilities, "capabilities")
        if capabilities is not None:
            store_hosts.machine_seen(self._pk, capabilities, started=started)
        self._read_pools()
        self._read_networks()

    def _read_all_soon(self) -> None:
        self._guests_due = self._pools_due = self._networks_due = time.monotonic()
        self._read_as.clear()
        self._all_due = True

    def _read_due(self) -> None:
        if min(self._guests_due, self._refresh_due) <= time.monotonic():
            self._read_guests()
        if self._pools_due <= time.monotonic():
            self._read_pools()
        if self._networks_due <= time.monotonic():
            self._read_networks()

    def _read_guests(self) -> None:
        later = self._refresh_due if self._refresh_due > time.monotonic() else _NEVER
        self._guests_due = _NEVER
        self._all_due = False
        started = timezone.now()
        guests = self._ask(self._connection.guests)
        memory = self._optional(self._connection.memory, "memory")
        store_guests.guests_seen(self._pk, guests, memory, started=started)
        self._want_definitions(guests)
        usual = time.monotonic() + self._refresh_seconds * random.uniform(0.9, 1.0)
        self._refresh_due = min(usual, later)

    def _want_definitions(self, guests: tuple[GuestStatus, ...]) -> None:
        present = {guest.uuid: guest for guest in guests}
        self._arriving = {guest.uuid for guest in guests if _arriving(guest)}
        self._wanted = {uuid: due for uuid, due in self._wanted.items() if uuid in present}
        self._failed = {uuid: times for uuid, times in self._failed.items() if uuid in present}
        self._read_as = {uuid: key for uuid, key in self._read_as.items() if uuid in present}
        for uuid, guest in present.items():
            if self._read_as.get(uuid) != (guest.name, _active(guest)):
                self._wanted.setdefault(uuid, 0.0)
            if uuid in self._wanted:
                self._read_as[uuid] = (guest.name, _active(guest))

    def _read_definitions(self) -> None:
        """A few at a time: events and errands do not wait until a large host is read."""
        until = time.monotonic() + DEFINITIONS_SECONDS
        found: list[tuple[GuestDetails, datetime]] = []
        try:
            while uuid := self._next_definition():
                started = timezone.now()
                details = self._definition(uuid)
                if details is not None:
                    found.append((details, started))
                if time.monotonic() > until or not self._inbox.empty():
                    break
        finally:
            if found and not self._stopped():
                store_guests.details_seen(self._pk, found)

    def _next_definition(self) -> str:
        """The guest whose definition is to be read now; "" when there is none, or the list comes first."""
        now = time.monotonic()
        if min(self._guests_due, self._refresh_due) <= now:
            return ""
        return next((uuid for uuid, due in self._wanted.items() if due <= now and uuid not in self._arriving), "")

    def _definition(self, uuid: str) -> GuestDetails | None:
        try:
            details = self._ask(partial(self._connection.guest_details, uuid))
        except GuestMissing:
            self._wanted.pop(uuid, None)
            self._guests_due = time.monotonic()
            return None
        except HostUnreachable:
            raise
        except GatewayError as error:
            failures = self._failed[uuid] = self._failed.get(uuid, 0) + 1
            self._wanted[uuid] = time.monotonic() + min(2.0 ** (failures - 1), LONGEST_RETRY)
            if failures == LOGGED_FAILURE:
                logger.warning("%s: guest %s could not be read: %s", self._name, uuid, error)
            return None
        self._wanted.pop(uuid, None)
        self._failed.pop(uuid, None)
        return details

    def _read_pools(self) -> None:
        self._pools_due = _NEVER
        started = timezone.now()
        pools = self._optional(self._connection.pools, "pools")
        if pools is not None:
            store_places.pools_seen(self._pk, pools, started=started)

    def _read_networks(self) -> None:
        self._networks_due = _NEVER
        started = timezone.now()
        networks = self._optional(self._connection.networks, "networks")
        if networks is not None:
            store_places.networks_seen(self._pk, networks, started=started)
        interfaces = self._optional(self._connection.interfaces, "interfaces")
        if interfaces is not None:
            store_places.bridges_seen(self._pk, interfaces, started=started)

    def _optional(self, call: Callable[[], T], what: str) -> T | None:
        """None when the host answers that it cannot say: what is known stays."""
        try:
            return self._ask(call)
        except HostUnreachable:
            raise
        except GatewayError as error:
            logger.warning("%s: %s could not be read: %s", self._name, what, error)
            return None

    # errands

    def _answer_volumes(self) -> None:
        for errand in self._open(Errand.What.VOLUMES):
            started = timezone.now()
            error = ""
            try:
                volumes = self._ask(partial(self._connection.volumes, errand.pool))
            except HostUnreachable:
                raise
            except GatewayError as refusal:
                error = f"{self._name} could not list the volumes of {errand.pool}: {refusal.message}"
            else:
                if not store_places.volumes_seen(self._pk, errand.pool, volumes, started=started):
                    error = f"{self._name} has no pool {errand.pool}."
            self._errands.remove(errand)
            store_hosts.errand_over(errand.pk, error=error)

    def _answer_refreshes(self) -> None:
        """A refresh is over when all was read after it was asked."""
        now = time.monotonic()
        if self._all_due or any(due <= now for uuid, due in self._wanted.items() if uuid not in self._arriving):
            return
        for errand in self._open(Errand.What.REFRESH):
            self._errands.remove(errand)
            store_hosts.errand_over(errand.pk)

    def _open(self, what: Errand.What) -> list[Ask]:
        return [errand for errand in self._errands if errand.what == what]


def _active(guest: GuestStatus) -> bool:
    return guest.state.active


def _arriving(guest: GuestStatus) -> bool:
    """An incoming migration: libvirt 11.0 to 11.4 can block for 30 s on a question about its definition."""
    return guest.state is RunState.PAUSED and guest.reason == "migration"
