"""Tests of a VM whose migration is done, in a task of their own: whatever hangs here has no migration to delay."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings

from hosts import gateway
from hosts.facts.guest import RunState
from hosts.gateway.port import GatewayError, HostConnection
from migrations_app import ledger
from migrations_app.domain import arrival
from migrations_app.domain.arrival import Found, Sign
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.worker.echo import find
from migrations_app.worker.run_preflight import Connect
from migrations_app.worker.watch.before import clock_offset, has_agent
from migrations_app.worker.watch.felt import NO_NETWORK, choose, given_addresses, known_addresses, places

log = logging.getLogger(__name__)
#: an idle VM may do nothing for some time
CPU_SECONDS = 8.0
CPU_LOOK_SECONDS = 0.25
#: an arrived VM may have to wait for its first turn
ADDRESS_SECONDS = 5.0
NO_AGENT = "The VM has no guest agent, which would tell its clock."


def examine(pk: int, *, connect: Connect = gateway.connect) -> None:
    """It only reads, so a second delivery does no harm."""
    row = Migration.objects.select_related("source", "target").filter(pk=pk, state=State.DONE).first()
    if row is None or not row.arrival:
        return
    addresses = _addresses(row)
    with ThreadPoolExecutor(max_workers=3) as pool:
        cpu = pool.submit(_over, row, connect, (Sign.CPU,), _cpu)
        talk = pool.submit(_over, row, connect, (Sign.AGENT, Sign.CLOCK), _agent)
        echo = pool.submit(_address, row, addresses)
        found = [*talk.result(), *cpu.result(), *echo.result()]
    by_sign, asked = {one.sign: one for one in found}, [one["test"] for one in row.arrival]
    ledger.keep_arrival(pk, [by_sign[sign] for sign in Sign if sign in asked])


def set_clock(pk: int, *, connect: Connect = gateway.connect) -> None:
    """A user wants it. Then everything is tested again."""
    row = Migration.objects.select_related("source", "target").filter(pk=pk, state=State.DONE).first()
    if row is None:
        return
    text = "kvmweb set the VM's clock to its own."
    try:
        connection = connect(row.target.endpoint, deadline=settings.KVMWEB.host_deadline_seconds)
        try:
            if why := _elsewhere(row, connection):
                text = f"The VM's clock was not set. {why}"
            else:
                # one that does not answer now would take it later, when that time is long over
                connection.power.agent.clock(str(row.guest_id))
                connection.power.agent.set_clock(str(row.guest_id), time.time())
        finally:
            connection.close()
    except GatewayError as error:
        text = f"The VM's clock was not set. {error.message}"
    ledger.tell_arrival(pk, text)
    examine(pk, connect=connect)


Look = Callable[[Migration, HostConnection], list[Found]]


def _over(row: Migration, connect: Connect, signs: tuple[Sign, ...], look: Look) -> list[Found]:
    """Over a connection of its own, to the host where the VM has arrived. `signs`: what is unknown without one."""
    try:
        connection = connect(row.target.endpoint, deadline=settings.KVMWEB.host_deadline_seconds)
        try:
            why = _elsewhere(row, connection)
            return [arrival.unknown(sign, why) for sign in signs] if why else look(row, connection)
        finally:
            connection.close()
    except GatewayError as error:
        return [arrival.unknown(sign, f"{row.target}: {error.message}") for sign in signs]


def _elsewhere(row: Migration, connection: HostConnection) -> str:
    """Why it cannot be tested there now; "" when it runs there."""
    if row.target_host_uuid and connection.identity().uuid != str(row.target_host_uuid):
        return f"Another machine answers at the address of {row.target}."
    look = connection.look(str(row.guest_id))
    if not look.answered:
        return f"{row.target}: {look.error}"
    if not look.present or look.state is RunState.SHUTOFF:
        return f"The VM does not run on {row.target} any more."
    return "" if look.runs else f"The VM is {look.state} on {row.target}."


def _cpu(row: Migration, connection: HostConnection) -> list[Found]:
    guest, began = str(row.guest_id), time.monotonic()
    first = connection.power.cpu_ns(guest)
    while True:
        time.sleep(CPU_LOOK_SECONDS)
        seconds = time.monotonic() - began
        used_ms = (connection.power.cpu_ns(guest) - first) // 1_000_000
        if used_ms > 0:
            return [arrival.cpu(used_ms=used_ms, seconds=seconds)]
        if seconds >= CPU_SECONDS:
            why = _elsewhere(row, connection)  # suspended or migrated meanwhile
            return [arrival.unknown(Sign.CPU, why) if why else arrival.cpu(used_ms=0, seconds=seconds)]


def _agent(row: Migration, connection: HostConnection) -> list[Found]:
    if not has_agent(row):
        return [arrival.unknown(Sign.CLOCK, NO_AGENT)]
    before = row.clock_before_ms
    try:
        offset, doubt = clock_offset(connection, str(row.guest_id))
    except GatewayError as error:
        missing = arrival.agent(answers=False, answered_before=before is not None, error=error.message)
        return [missing, arrival.unknown(Sign.CLOCK, "The guest agent does not tell it.")]
    answers = arrival.agent(answers=True, answered_before=before is not None)
    return [answers, arrival.clock(after_ms=offset, before_ms=before, doubt_ms=doubt)]


def _addresses(row: Migration) -> tuple[str, str]:
    """(the one to test, ""), or ("", why there is none). Unless a user gave one, the one that was felt comes first: it
    answered before."""
    where = places()
    if not where.networks:
        return "", NO_NETWORK
    felt = [row.felt["address"]] if row.felt else []
    return choose(given_addresses(row) or [*felt, *known_addresses(row, host=row.target_id)], where)


def _address(row: Migration, known: tuple[str, str]) -> list[Found]:
    where, why = known
    if not where:
        return [arrival.unknown(Sign.ADDRESS, why)]
    way = find(where, seconds=ADDRESS_SECONDS)
    if way is not None:
        way.close()
    before = row.felt is not None and row.felt["address"] == where
    return [arrival.address(where, answers=way is not None, answered_before=before)]
