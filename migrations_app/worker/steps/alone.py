"""Reading a volume: over a connection of its own, which is busy with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

from django.conf import settings

from hosts.gateway.port import Aborted, GatewayError, HostConnection
from kvmweb.steps import NotDone
from migrations_app.worker.steady_connection import SteadyConnection


@contextmanager
def alone(*hosts: tuple[SteadyConnection, UUID | None]) -> Iterator[list[HostConnection]]:
    """A connection to each host, whose UUID must be this. What goes wrong with them becomes NotDone."""
    with ExitStack() as stack:
        try:
            yield [stack.enter_context(_opened(host, machine)) for host, machine in hosts]
        except Aborted:
            raise NotDone("the copy was stopped", certain=False) from None
        except GatewayError as error:
            raise NotDone(error.message, certain=not error.unanswered) from error


@contextmanager
def _opened(host: SteadyConnection, machine: UUID | None) -> Iterator[HostConnection]:
    connection = host.open(host.host.endpoint, deadline=settings.KVMWEB.host_deadline_seconds)
    try:
        if connection.identity().uuid != str(machine):
            raise NotDone(f"another machine answers at the address of {host.host}", certain=True)
        yield connection
    finally:
        connection.close()
