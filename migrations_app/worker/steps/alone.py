"""Reading volumes: over connections of their own, which are busy with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self
from uuid import UUID

from django.conf import settings

from hosts.gateway.port import Aborted, GatewayError, HostConnection
from kvmweb.steps import NotDone
from migrations_app.worker.steady_connection import SteadyConnection


class Alone:
    """A connection to each of some hosts, whose UUID must be this. They are kept from one use to the next, and opened
    anew after trouble."""

    def __init__(self, *hosts: tuple[SteadyConnection, UUID | None]) -> None:
        self._hosts = hosts
        self._open = ExitStack()
        self._connections: list[HostConnection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    @contextmanager
    def used(self) -> Iterator[list[HostConnection]]:
        """What goes wrong with them becomes NotDone."""
        try:
            if not self._connections:
                self._connections = [self._open.enter_context(_opened(*host)) for host in self._hosts]
            yield self._connections
        except BaseException as error:
            self._close()
            if isinstance(error, Aborted):
                raise NotDone("the copy was stopped", certain=False) from None
            if isinstance(error, GatewayError):
                raise NotDone(error.message, certain=not error.unanswered) from error
            raise

    def _close(self) -> None:
        self._connections = []
        self._open.close()


@contextmanager
def _opened(host: SteadyConnection, machine: UUID | None) -> Iterator[HostConnection]:
    connection = host.open(host.host.endpoint, deadline=settings.KVMWEB.host_deadline_seconds)
    try:
        if connection.identity().uuid != str(machine):
            raise NotDone(f"another machine answers at the address of {host.host}", certain=True)
        yield connection
    finally:
        connection.close()
