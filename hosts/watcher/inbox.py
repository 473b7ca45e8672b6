"""The messages for the thread of one host: errands, events, and the order to stop."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass

from hosts.gateway.port import HostEvent


class Stopped(Exception):
    """This thread was stopped; another one may have its work."""


@dataclass(frozen=True, slots=True)
class Ask:
    """An errand on its way to a host's thread."""

    pk: int
    what: str
    pool: str


@dataclass(frozen=True, slots=True)
class Said:
    """An event and its session; those of an old connection are ignored."""

    session: object
    event: HostEvent


class Inbox:
    """Filled by any thread, emptied by the host's own."""

    def __init__(self) -> None:
        #: taken and not answered yet; the host's thread alone reads and changes it
        self.errands: list[Ask] = []
        self._messages = queue.SimpleQueue[Ask | Said | None]()
        self._stopped = threading.Event()

    def put(self, message: Ask | Said) -> None:
        self._messages.put(message)

    def stop(self) -> None:
        self._stopped.set()
        self._messages.put(None)  # wakes a thread that waits

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def check(self) -> None:
        """Raises Stopped."""
        if self.stopped:
            raise Stopped

    def empty(self) -> bool:
        return self._messages.empty()

    def take(self, seconds: float = 0.0) -> Ask | Said | None:
        """The next message, None when there is none in time. An errand is in `errands` from now on. Raises Stopped."""
        try:
            message = self._messages.get(timeout=seconds) if seconds > 0 else self._messages.get_nowait()
        except queue.Empty:
            message = None
        self.check()
        if isinstance(message, Ask):
            self.errands.append(message)
        return message
