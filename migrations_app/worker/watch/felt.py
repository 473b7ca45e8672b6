"""Beside the watch: what a peer of the VM feels of the switchover. It asks no host and changes nothing, and the watch
waits for it for a moment at the very end, only where there was an answer before."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from django.db import DatabaseError

from hosts.facts.guest import GuestLook
from hosts.models import Sighting
from migrations_app.domain.felt import Course, is_address, may_probe
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration, ProbeAddress, ProbeNetwork
from migrations_app.worker.echo import PORTS, Echo, find
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.watch.before import Before

log = logging.getLogger(__name__)

#: a VM that was heard before is silent at the end: for so long the end waits for it
ANSWER_SECONDS = 2.0
#: between two attempts to find a way to probe, and between two probes while disks are copied
AGAIN_SECONDS = 5.0
CALM_SECONDS = 0.1
MOST_NAMED = 3

NO_NETWORK = "No network is named in which VMs may be probed. An admin names them in the console, under Probe networks."
NO_ADDRESS = "kvmweb knows no address of this VM. One can be entered on its page."
NOT_HEARD = "The VM was not heard before the switchover."


class Felt:
    """`with Felt(held) as felt:` around the watch."""

    def __init__(self, held: Held, source: SteadyConnection) -> None:
        self._held = held
        self._before = Before(held, source)
        self._networks, known, self._reason = _facts(held.row)
        self._address = ""
        if not self._reason:
            self._address, self._reason = choose(known, self._networks)
        self._course = Course()
        self._lock = threading.Lock()
        self._stop, self._settled = threading.Event(), threading.Event()
        self._asked_at: float | None = None
        #: when a look at the source began that saw it run
        self._ran_at = float("-inf")
        self._heard_there = False
        #: nobody probes any more, so silence says nothing
        self._failed = False
        self._thread = threading.Thread(target=self._run, name="felt", daemon=True)

    def __enter__(self) -> Self:
        self._before.ask()
        if self._address or (self._networks and self._before.has_agent):
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()

    def observe(self, source: GuestLook, at: float) -> None:
        """After a look at the source, which began then."""
        with self._lock:
            if source.runs:
                self._ran_at = at
                self._course.go_on()
                heard = self._course.first_answer
                self._heard_there = self._heard_there or (heard is not None and heard < at)
            elif source.answered:
                self._course.kept = True

    def told(self) -> dict[str, Any]:
        """Fields of the row, when the VM runs at the destination for certain."""
        fields: dict[str, Any] = {"clock_before_ms": self._before.clock_ms}
        if self._failed or not self._heard_there:
            self._stop.set()
            return {**fields, "felt": None, "felt_reason": self._reason or NOT_HEARD}
        self._asked_at = time.monotonic()
        answers = self._settled.wait(ANSWER_SECONDS)
        self._stop.set()
        with self._lock:
            numbers = self._course.measured(None if answers else time.monotonic())
        felt = {"from": socket.gethostname(), "address": self._address, **(numbers or {})}
        silent = f"{self._address} has not answered since. It was silent for at least this long."
        return {**fields, "felt": felt, "felt_reason": "" if answers else silent}

    # --- in its thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if not self._address:
                self._before.told.wait()
                self._address, self._reason = choose(self._before.addresses, self._networks)
            while self._address and not self._stop.is_set():
                way = find(self._address)
                if way is not None:
                    try:
                        self._probe(way)
                    finally:
                        way.close()
                    return
                ports = ", ".join(map(str, PORTS))
                self._reason = f"{self._address} answered neither ping nor a connection to one of the ports {ports}."
                self._stop.wait(AGAIN_SECONDS)
        except Exception:
            log.exception("migration %s: the probe failed", self._held.row.pk)
            self._fail("The probe failed; kvmweb's log has the details.")

    def _fail(self, reason: str) -> None:
        self._reason, self._failed = reason, True

    def _probe(self, way: Echo) -> None:
        number, due = 0, time.monotonic()
        while not self._stop.is_set():
            now = time.monotonic()
            if now >= due:
                number += 1
                if way.send(number):
                    with self._lock:
                        self._course.sent(number, now)
                if self._course.full:
                    self._fail("The VM did not answer for too long.")
                    return
                calm = self._held.state is State.COPYING_DISKS
                due = max(due + max(way.seconds, CALM_SECONDS if calm else 0), now)
            found = way.answers(max(0.0, due - time.monotonic()))
            with self._lock:
                for one, at in found:
                    self._course.answered(one, at)
                if self._asked_at is not None and self._course.answers_since(self._asked_at):
                    self._settled.set()


def _facts(row: Migration) -> tuple[list[str], list[str], str]:
    """(networks that may be probed, addresses that are known without the agent, why nothing is probed). libvirt has
    been asked already: nothing here may keep the watch from beginning."""
    if row.was_paused:
        return [], [], "The VM was paused."
    try:
        networks = named_networks()
        return networks, known_addresses(row, host=row.source_id), "" if networks else NO_NETWORK
    except DatabaseError as error:
        log.info("migration %s: no probe: %s", row.pk, error)
        return [], [], "kvmweb's database did not answer when the probe was to begin."


def named_networks() -> list[str]:
    return list(ProbeNetwork.objects.values_list("cidr", flat=True))


def given_addresses(row: Migration) -> list[str]:
    return list(ProbeAddress.objects.filter(guest=row.guest_id).values_list("address", flat=True))


def known_addresses(row: Migration, *, host: int) -> list[str]:
    """What a user gave, which counts alone; else the DHCP leases of this host's libvirt networks, as last seen."""
    if given := given_addresses(row):
        return given
    seen = Sighting.objects.filter(guest=row.guest_id, host=host).values_list("addresses", flat=True).first()
    return [one["address"] for one in seen or []]


def choose(known: Sequence[str], networks: Sequence[str]) -> tuple[str, str]:
    """(the address that may be probed, ""), or ("", why there is none)."""
    allowed = [address for address in known if may_probe(address, networks)]
    if allowed:
        return allowed[0], ""
    named = ", ".join([address for address in known if is_address(address)][:MOST_NAMED])
    return "", f"{named}: not in a network that an admin named for probes." if named else NO_ADDRESS
