"""A connection that is opened again when it was lost: how the watch over a migrating guest asks a host."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from django.conf import settings

from hosts.facts.endpoint import Endpoint
from hosts.facts.guest import GuestLook
from hosts.gateway.port import GatewayError, HostConnection, HostUnreachable
from hosts.models import Host
from migrations_app.worker.run_preflight import Connect

log = logging.getLogger(__name__)
T = TypeVar("T")
_PAUSE_SECONDS = 1.0


class SteadyConnection:
    """One host. A lost connection is opened again in a thread, so that the watch and its heartbeat never wait for it.

    A `connection` that is handed in is lent: whoever opened it closes it. `machine` is the host UUID that must answer:
    an address may have been changed meanwhile, or given to another machine.
    """

    def __init__(
        self,
        host: Host,
        connect: Connect,
        connection: HostConnection | None = None,
        *,
        machine: UUID | str | None = None,
    ) -> None:
        self.host = host
        self._machine = str(machine) if machine else ""
        self._connect = connect
        self._connection = connection
        self._lent = connection
        self._trouble = "not connected yet"
        self._opening: threading.Thread | None = None
        self._closed = False
        self._hurry = threading.Event()
        if connection is None:
            self._reopen()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._drop()

    def look(self, uuid: str) -> GuestLook:
        connection = self._ready()
        if connection is None:
            return GuestLook(answered=False, error=self._trouble)
        look = connection.look(uuid)
        if not look.answered:
            self._lost(look.error)
        return look

    def call(self, question: Callable[[HostConnection], T]) -> T:
        """The answer. Raises GatewayError."""
        connection = self._ready()
        if connection is None:
            raise HostUnreachable(self._trouble)
        try:
            return question(connection)
        except GatewayError as error:
            if not connection.alive():
                self._lost(error.message)
            raise

    def open(self, endpoint: Endpoint, *, deadline: float) -> HostConnection:
        """A connection to some other host, opened like this one. Raises GatewayError."""
        return self._connect(endpoint, deadline=deadline)

    def ask(self, question: Callable[[HostConnection], T]) -> T | None:
        """The answer, or None when there is none to be had now (the reason is logged)."""
        try:
            return self.call(question)
        except GatewayError as error:
            log.info("%s: %s", self.host.name, error.message)
            return None

    def do(self, deed: Callable[[HostConnection], object]) -> bool:
        """Whether it was done, and answered (else the reason is logged)."""

        def ask(connection: HostConnection) -> bool:
            deed(connection)
            return True

        return self.ask(ask) is True

    def hurry(self) -> None:
        """Do not wait before the next attempt."""
        self._hurry.set()

    def wait(self, seconds: float) -> None:
        """Give a connection that is being opened the chance to be there."""
        opening = self._opening
        if opening is not None:
            opening.join(seconds)

    def _ready(self) -> HostConnection | None:
        if self._connection is not None and not self._connection.alive():
            self._lost("the connection was lost")
        if self._connection is None:
            self._reopen()
        return self._connection

    def _lost(self, why: str) -> None:
        self._trouble = why
        self._drop()
        self._reopen()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and connection is not self._lent:
            # closing speaks to the host too: never wait for it
            threading.Thread(target=_close, args=(connection,), daemon=True).start()

    def _reopen(self) -> None:
        if self._closed or (self._opening is not None and self._opening.is_alive()):
            return
        self._opening = threading.Thread(target=self._open, name=f"connect-{self.host.name}", daemon=True)
        self._opening.start()

    def _open(self) -> None:
        try:
            connection = self._connect(self.host.endpoint, deadline=settings.KVMWEB.host_deadline_seconds)
        except GatewayError as error:
            self._trouble = error.message
            self._pause()
            return
        if not self._is_the_machine(connection):
            _close(connection)
            self._pause()
        elif self._closed:
            _close(connection)
        else:
            self._connection = connection

    def _pause(self) -> None:
        self._hurry.wait(_PAUSE_SECONDS)
        self._hurry.clear()

    def _is_the_machine(self, connection: HostConnection) -> bool:
        if not self._machine:
            return True
        try:
            answers = connection.identity().uuid
        except GatewayError as error:
            self._trouble = error.message
            return False
        if answers != self._machine:
            self._trouble = f"another machine answers at its address: host UUID {answers}"
        return answers == self._machine


def _close(connection: HostConnection) -> None:
    try:
        connection.close()
    except GatewayError:
        log.debug("closing a lost connection failed", exc_info=True)
