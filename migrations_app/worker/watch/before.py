"""What the VM's agent says before the switchover, asked beside the watch: it may never answer."""

from __future__ import annotations

import logging
import threading
import time

from django.conf import settings

from hosts.facts import domain_xml
from hosts.facts.xml import BadXml
from hosts.gateway.port import GatewayError, HostConnection
from migrations_app.models import Migration
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection

log = logging.getLogger(__name__)


class Before:
    """`addresses` that it reports, and `clock_ms`: how far its clock is ahead of kvmweb's. `told` when it is over."""

    def __init__(self, held: Held, source: SteadyConnection) -> None:
        self.has_agent = has_agent(held.row)
        self.addresses: tuple[str, ...] = ()
        self.clock_ms: int | None = None
        self.told = threading.Event()
        self._guest = held.guest
        self._source = source
        self._thread = threading.Thread(target=self._run, name="agent", daemon=True)

    def ask(self) -> None:
        if self.has_agent:
            self._thread.start()
        else:
            self.told.set()

    def _run(self) -> None:
        """Over a connection of its own: the watch must not wait behind an agent."""
        host = self._source.host
        try:
            connection = self._source.open(host.endpoint, deadline=settings.KVMWEB.host_deadline_seconds)
            try:
                self.clock_ms, _ = clock_offset(connection, self._guest)
                self.addresses = connection.power.agent.addresses(self._guest)
            finally:
                connection.close()
        except GatewayError as error:
            log.info("%s: the guest agent of %s: %s", host.name, self._guest, error.message)
        except Exception:
            log.exception("%s: the guest agent of %s", host.name, self._guest)
        finally:
            self.told.set()


def clock_offset(connection: HostConnection, guest: str) -> tuple[int, int]:
    """(how far its clock is ahead of this machine's, half of the time that the answer took), in milliseconds. Raises
    GatewayError."""
    began = time.time()
    told = connection.power.agent.clock(guest)
    ended = time.time()
    return round((told - (began + ended) / 2) * 1000), round((ended - began) * 500)


def has_agent(row: Migration) -> bool:
    """Whether its recorded definition has a channel for one."""
    try:
        return domain_xml.parse(row.source_xml).has_agent
    except BadXml:
        return False
