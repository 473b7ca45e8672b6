"""Asks one host, one question at a time, and stores what it answers with the time it was asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from django.utils import timezone

from hosts.facts.guest import GuestDetails, GuestStatus
from hosts.facts.usage import cpus_used
from hosts.gateway.port import GatewayError, HostConnection, HostUnreachable
from hosts.watcher import store_guests, store_hosts, store_places, store_usage
from hosts.watcher.inbox import Inbox
from hosts.watcher.meeting import recognise
from hosts.watcher.target import Target

logger = logging.getLogger(__name__)

T = TypeVar("T")


class CallClock:
    """Since when this thread waits for the host's answer; read by the main thread."""

    def __init__(self) -> None:
        self._since: float | None = None
        #: the main thread has called the host away because of the present call
        self.reported = False

    def start(self) -> None:
        self.reported = False
        self._since = time.monotonic()

    def stop(self) -> None:
        self._since = None

    def waiting(self) -> float:
        """Seconds the present call takes; 0 when there is none."""
        since = self._since
        return time.monotonic() - since if since is not None else 0.0


class HostReader:
    """Every question raises HostUnreachable when the host is lost, and Stopped when it is another thread's now."""

    def __init__(
        self, target: Target, connection: HostConnection, *, inbox: Inbox, clock: CallClock, late: Callable[[], None]
    ) -> None:
        """`late` is called when the host answers after the main thread has called it away."""
        self._target = target
        self._connection = connection
        self._inbox = inbox
        self._clock = clock
        self._late = late
        #: when CPU time was counted last, and that of each guest in nanoseconds
        self._counted: tuple[float, dict[str, int | None]] = (0.0, {})
        #: what could not be read last time: said once, not at every refresh
        self._failing: set[str] = set()

    def identity(self) -> None:
        """Raises NotUsable when this is another machine."""
        started = timezone.now()
        recognise(self._target, self._ask(self._connection.identity), started=started)

    def guests(self) -> tuple[GuestStatus, ...]:
        started = timezone.now()
        guests = self._ask(self._connection.guests)
        memory = self._optional(self._connection.memory, "memory")
        store_guests.guests_seen(self._target.pk, guests, memory, started=started)
        return guests

    def definition(self, uuid: str) -> tuple[GuestDetails, datetime]:
        """With the time it was asked, to be stored by `definitions`. Raises GatewayError."""
        started = timezone.now()
        return self._ask(partial(self._connection.guest_details, uuid)), started

    def keep_definitions(self, found: list[tuple[GuestDetails, datetime]]) -> None:
        if found and not self._inbox.stopped:
            store_guests.details_seen(self._target.pk, found)

    def machine(self) -> None:
        started = timezone.now()
        capabilities = self._optional(self._connection.capabilities, "capabilities")
        if capabilities is not None:
            store_hosts.machine_seen(self._target.pk, capabilities, started=started)

    def pools(self) -> None:
        started = timezone.now()
        pools = self._optional(self._connection.pools, "pools")
        if pools is not None:
            store_places.pools_seen(self._target.pk, pools, started=started)

    def networks(self) -> None:
        """Those of libvirt, and the host's own bridges."""
        started = timezone.now()
        networks = self._optional(self._connection.networks, "networks")
        if networks is not None:
            store_places.networks_seen(self._target.pk, networks, started=started)
        interfaces = self._optional(self._connection.interfaces, "interfaces")
        if interfaces is not None:
            store_places.bridges_seen(self._target.pk, interfaces, started=started)

    def usage(self) -> None:
        started = timezone.now()
        usage = self._optional(self._connection.usage, "CPU and memory of its VMs") or ()
        counted = time.monotonic()  # a slow answer counts until it is made
        leases = self._optional(self._connection.leases, "its DHCP leases") or ()
        before, counts = self._counted
        cpus = {one.uuid: cpus_used(counts.get(one.uuid), one.cpu_ns, counted - before) for one in usage}
        self._counted = counted, {one.uuid: one.cpu_ns for one in usage}
        store_usage.usage_seen(self._target.pk, usage, cpus, leases, started=started)

    def volumes(self, pool: str) -> str:
        """Why they could not be listed; "" when they were."""
        started = timezone.now()
        try:
            volumes = self._ask(partial(self._connection.volumes, pool))
        except HostUnreachable:
            raise
        except GatewayError as refusal:
            return f"{self._target.name} could not list the volumes of {pool}: {refusal.message}"
        known = store_places.volumes_seen(self._target.pk, pool, volumes, started=started)
        return "" if known else f"{self._target.name} has no pool {pool}."

    def _optional(self, call: Callable[[], T], what: str) -> T | None:
        """None when the host answers that it cannot say: what is known stays."""
        try:
            answer = self._ask(call)
        except HostUnreachable:
            raise
        except GatewayError as error:
            if what not in self._failing:
                self._failing.add(what)
                logger.warning("%s: %s could not be read: %s", self._target.name, what, error)
            return None
        self._failing.discard(what)
        return answer

    def _ask(self, call: Callable[[], T]) -> T:
        """One question to the host, which the main thread watches."""
        self._inbox.check()
        self._clock.start()
        try:
            answer = call()
        finally:
            late = self._clock.reported
            self._clock.stop()
        self._inbox.check()
        if late:
            self._late()
        return answer
