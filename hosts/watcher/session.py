"""One open connection to one host: everything is read once, afterwards what events and errands name.

Steady state is `guests`, `memory`, `usage` and `leases` once per refresh; the definition of a guest is read when it is
new, changed, or an event names it.
"""

from __future__ import annotations

import logging
import random
import time
from datetime import datetime
from itertools import chain, repeat
from typing import NoReturn

from django.db import connection as database

from hosts.facts.guest import GuestDetails
from hosts.gateway.port import Arriving, EventKind, GatewayError, GuestMissing, HostConnection, HostUnreachable
from hosts.models import Errand
from hosts.watcher import store_hosts
from hosts.watcher.due import NEVER, Due
from hosts.watcher.inbox import Ask, Inbox, Said
from hosts.watcher.reader import CallClock, HostReader
from hosts.watcher.target import Target

logger = logging.getLogger(__name__)

#: a guest that is just starting refuses once or twice; the third time is worth a line
LOGGED_FAILURE = 3
#: reading definitions in one go, and storing them in one transaction, takes about this long
DEFINITIONS_SECONDS = 0.2
#: two readings of CPU time make a percentage: the second one of a session comes soon, the others at most this far apart
SECOND_USAGE = 3.0
USAGE_SECONDS = 30.0
#: the database connection of a thread that waits longer than this is closed
IDLE = 1.0
#: the longest wait for a message, in seconds
_LONGEST_WAIT = 3600.0
#: messages taken before the host is asked again, however many events arrive
_MOST_AT_ONCE = 1000


class Session:
    def __init__(
        self, target: Target, connection: HostConnection, *, inbox: Inbox, clock: CallClock, refresh_seconds: float
    ) -> None:
        """The inbox is the thread's, which answers the errands that are left in it when this session ends."""
        self._name = target.name
        self._connection = connection
        self._inbox = inbox
        self._refresh_seconds = refresh_seconds
        self._due = Due()
        self._reader = HostReader(target, connection, inbox=inbox, clock=clock, late=self._list_again)
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
        wait = min(max(0.0, self._due.next() - time.monotonic()), _LONGEST_WAIT)
        if wait > IDLE:
            database.close()
        for seconds in chain([wait], repeat(0.0, _MOST_AT_ONCE)):
            message = self._inbox.take(seconds)
            if message is None:
                return
            self._note(message)

    def _note(self, message: Ask | Said) -> None:
        now = time.monotonic()
        if isinstance(message, Ask):
            if message.what == Errand.What.REFRESH:
                self._due.everything(now)
        elif message.session is self:
            if message.event.kind is EventKind.CLOSED:
                raise HostUnreachable(f"the connection to libvirt was lost: {message.event.detail or 'closed'}")
            self._due.after(message.event, now)

    # reading

    def _read_all(self) -> None:
        self._reader.identity()
        self._read_guests()
        self._reader.machine()
        self._read_pools()
        self._read_networks()
        self._read_usage(again=SECOND_USAGE)

    def _read_due(self) -> None:
        if self._due.list_is_due(time.monotonic()):
            self._read_guests()
        if self._due.pools <= time.monotonic():
            self._read_pools()
        if self._due.networks <= time.monotonic():
            self._read_networks()
        if self._due.usage <= time.monotonic():
            self._read_usage(again=min(USAGE_SECONDS, self._refresh_seconds))

    def _read_guests(self) -> None:
        self._due.listing(time.monotonic())
        guests = self._reader.guests()
        self._due.listed(guests, again=time.monotonic() + self._refresh_seconds * random.uniform(0.9, 1.0))

    def _list_again(self) -> None:
        self._due.guests = time.monotonic()

    def _read_pools(self) -> None:
        self._due.pools = NEVER
        self._reader.pools()

    def _read_networks(self) -> None:
        self._due.networks = NEVER
        self._reader.networks()

    def _read_usage(self, *, again: float) -> None:
        self._due.usage = time.monotonic() + again
        self._reader.usage()

    def _read_definitions(self) -> None:
        """A few at a time: events and errands do not wait until a large host is read."""
        until = time.monotonic() + DEFINITIONS_SECONDS
        found: list[tuple[GuestDetails, datetime]] = []
        try:
            while uuid := self._due.definition(time.monotonic()):
                found += self._read_definition(uuid)
                if time.monotonic() > until or not self._inbox.empty():
                    break
        finally:
            self._reader.keep_definitions(found)

    def _read_definition(self, uuid: str) -> list[tuple[GuestDetails, datetime]]:
        """Empty when it could not be read."""
        try:
            found = self._reader.definition(uuid)
        except GuestMissing:
            self._due.missed(uuid, time.monotonic())
            return []
        except HostUnreachable:
            raise
        except Arriving:
            self._due.failed(uuid, time.monotonic())
            return []
        except GatewayError as error:
            if self._due.failed(uuid, time.monotonic()) == LOGGED_FAILURE:
                logger.warning("%s: VM %s could not be read: %s", self._name, uuid, error)
            return []
        self._due.has_read(uuid)
        return [found]

    # errands

    def _answer_volumes(self) -> None:
        for errand in self._open(Errand.What.VOLUMES):
            error = self._reader.volumes(errand.pool)
            self._inbox.errands.remove(errand)
            store_hosts.errand_over(errand.pk, error=error)

    def _answer_refreshes(self) -> None:
        """A refresh is over when all was read after it was asked."""
        if not self._due.all_read(time.monotonic()):
            return
        for errand in self._open(Errand.What.REFRESH):
            self._inbox.errands.remove(errand)
            store_hosts.errand_over(errand.pk)

    def _open(self, what: Errand.What) -> list[Ask]:
        return [errand for errand in self._inbox.errands if errand.what == what]
