"""Beside the worker: what a peer of the VM feels of the switchover. It begins with the check, because a VM may be
paused when libvirt is asked. It asks no host and changes nothing, and the watch waits for it for a moment at the very
end, only where there was an answer before."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError

from hosts.facts.guest import GuestLook
from hosts.models import Host, Sighting
from migrations_app.domain.felt import Course, is_address, may_probe, read_address
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration, ProbeAddress, ProbeNetwork
from migrations_app.worker.echo import PORTS, Echo, find, is_own
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.watch.before import Before

log = logging.getLogger(__name__)

#: a VM that was heard before is silent at the end: for so long the end waits for it
ANSWER_SECONDS = 2.0
#: between two attempts to find a way to probe, and between two probes while no switchover can be near
AGAIN_SECONDS = 5.0
CALM = (State.CHECKING, State.COPYING_DISKS)
CALM_SECONDS = 0.1
MOST_NAMED = 3

NO_NETWORK = "No network is named in which VMs may be probed. An admin names them in the console, under Probe networks."
NO_ADDRESS = "kvmweb knows no address of this VM. One can be entered on its page."
PAUSED = "The VM was paused."
NOT_HEARD = "The VM was not heard before the switchover."


@contextmanager
def feeling(held: Held) -> Iterator[None]:
    """`held.felt` probes meanwhile, where there is a VM that runs on one host and then on another."""
    kind = held.row.kind_row
    if kind.off or kind.same_host:
        yield
        return
    held.felt = Felt(held)
    try:
        held.felt.begin()
        yield
    finally:
        held.felt.stop()


class Felt:
    def __init__(self, held: Held) -> None:
        self._held = held
        self._before: Before | None = None
        self._places, known, self._reason = _facts(held.row)
        self._address = ""
        if not self._reason:
            self._address, self._reason = choose(known, self._places)
        self._course = Course(every=0.0)
        self._lock = threading.Lock()
        self._stop, self._settled = threading.Event(), threading.Event()
        self._asked_at: float | None = None
        self._heard_there = False
        #: nobody probes any more, so silence says nothing
        self._failed = False
        self._thread = threading.Thread(target=self._run, name="felt", daemon=True)

    def begin(self) -> None:
        if self._address:
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def ask_agent(self, source: SteadyConnection) -> None:
        """Once the VM's definition is on record. Its addresses count where no other is known."""
        self._before = Before(self._held, source)
        self._before.ask()
        if self._held.row.was_paused:
            self.stop()
        elif self._places.networks and self._before.has_agent and not self._address:
            self._thread.start()

    def before_call(self) -> None:
        """libvirt is about to be asked: so far the VM ran where it was."""
        with self._lock:
            self._note_heard(time.monotonic())

    def observe(self, source: GuestLook, at: float) -> None:
        """After a look at the source, which began then."""
        with self._lock:
            if source.runs:
                self._course.go_on()
                self._note_heard(at)
            elif source.answered:
                self._course.kept = True

    def told(self) -> dict[str, Any]:
        """Fields of the row, when the VM runs at the destination for certain."""
        fields: dict[str, Any] = {"clock_before_ms": self._before.clock_ms if self._before else None}
        if self._held.row.was_paused:
            return {**fields, "felt": None, "felt_reason": PAUSED}
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

    def _note_heard(self, at: float) -> None:
        """At this moment it ran at the source for certain."""
        heard = self._course.first_answer
        self._heard_there = self._heard_there or (heard is not None and heard < at)

    # --- in its thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if not self._address and self._before is not None:
                self._before.told.wait()
                self._address, self._reason = choose(self._before.addresses, self._places)
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
        self._course.every = way.seconds
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
                calm = self._held.state in CALM
                due = max(due + max(way.seconds, CALM_SECONDS if calm else 0), now)
            found = way.answers(max(0.0, due - time.monotonic()))
            with self._lock:
                for one, at in found:
                    self._course.answered(one, at)
                if self._asked_at is not None and self._course.answers_since(self._asked_at):
                    self._settled.set()


def _facts(row: Migration) -> tuple[Places, list[str], str]:
    """(where may be probed, addresses that are known without the agent, why nothing is probed). Nothing here may keep
    the migration from going on."""
    try:
        where = places()
        return where, known_addresses(row, host=row.source_id), "" if where.networks else NO_NETWORK
    except DatabaseError as error:
        log.info("migration %s: no probe: %s", row.pk, error)
        return Places(), [], "kvmweb's database did not answer when the probe was to begin."


@dataclass(frozen=True, slots=True)
class Places:
    """The networks that an admin named, and addresses of hosts, which are no VM's."""

    networks: tuple[str, ...] = ()
    hosts: frozenset[str] = frozenset()


def places() -> Places:
    hosts = Host.objects.values_list("address", "migration_address")
    known = (str(read_address(text)) for pair in hosts for text in pair if is_address(text))
    return Places(tuple(ProbeNetwork.objects.values_list("cidr", flat=True)), frozenset(known))


def given_addresses(row: Migration) -> list[str]:
    return list(ProbeAddress.objects.filter(guest=row.guest_id).values_list("address", flat=True))


def known_addresses(row: Migration, *, host: int) -> list[str]:
    """What a user gave, which counts alone; else the DHCP leases of this host's libvirt networks, as last seen."""
    if given := given_addresses(row):
        return given
    seen = Sighting.objects.filter(guest=row.guest_id, host=host).values_list("addresses", flat=True).first()
    return [one["address"] for one in seen or []]


def choose(known: Sequence[str], where: Places) -> tuple[str, str]:
    """(the address that may be probed, ""), or ("", why there is none). As an address is written, never as it came: a
    system would look up anything else as a name."""
    addresses = [str(read_address(text)) for text in known if is_address(text)]
    allowed = [address for address in addresses if may_probe(address, where.networks)]
    for address in allowed:
        if address not in where.hosts and not is_own(address):
            return address, ""
    named = ", ".join((allowed or addresses)[:MOST_NAMED])
    if allowed:
        return "", f"{named}: of a host or of kvmweb's own machine, not of a VM."
    return "", f"{named}: not in a network that an admin named for probes." if named else NO_ADDRESS
