"""What ends the pause before the next look: the call came back, or a pass over the memory has begun. What is left to
copy is a measure only at the moment when a pass begins, so the numbers are read then."""

from __future__ import annotations

import threading
import time

from hosts.facts.guest import GuestLook, JobKind
from hosts.gateway.port import HostConnection
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.steady_connection import SteadyConnection

#: a small rest is passed over many times a second: not each pass is a reason to look
LEAST_SECONDS = 0.2


class Wake:
    """With a host that does not tell of passes, what is left is read at the next look."""

    def __init__(self, held: Held, source: SteadyConnection, mover: Mover | None) -> None:
        self._held = held
        self._source = source
        self._told_at = float("-inf")
        self._on: HostConnection | None = None
        self._news = threading.Event()
        if mover is not None:
            mover.tells(self._news)

    def forget(self) -> None:
        """The looks that follow are younger than what was told."""
        self._news.clear()

    def wait(self, seconds: float) -> bool:
        """Whether there is something to look at."""
        return self._news.wait(seconds)

    def listen(self, source: GuestLook) -> None:
        """While a job runs; also over a connection that has replaced another one."""
        if source.job is JobKind.MIGRATION_OUT and not self._held.row.job_over:
            self._source.ask(self._listen)

    def _listen(self, connection: HostConnection) -> None:
        if connection is not self._on:
            self._on = connection  # one that refuses is not asked again
            connection.passes.listen(self._held.guest, self._begun)

    def _begun(self) -> None:
        """In a thread of the gateway."""
        now = time.monotonic()
        if now - self._told_at >= LEAST_SECONDS:
            self._told_at = now
            self._news.set()
