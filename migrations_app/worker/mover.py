"""The libvirt call that migrates a guest, in a thread of its own: it blocks until the migration is over."""

from __future__ import annotations

import logging
import threading
import time

from hosts.calls.move import Flag, MigrateCall
from hosts.gateway.port import Aborted, GatewayError, HostConnection, HostUnreachable

log = logging.getLogger(__name__)


class Mover:
    """`returned` is None while the call runs, then True or False; the return is a hint and no proof. It stays None when
    the connection was lost: libvirt may go on with the call. `refused`: libvirt itself has ended it with an error.
    `resumes`: it connects the halves of a post-copy again, over a connection of its own, which it closes."""

    def __init__(self, connection: HostConnection, call: MigrateCall) -> None:
        self._connection = connection
        self._call = call
        self.resumes = Flag.POSTCOPY_RESUME in call.flags
        self.returned: bool | None = None
        self.aborted = self.refused = False
        self.error = ""
        self._began = 0.0
        self.over = threading.Event()
        self._news = threading.Event()
        # not daemon-joined anywhere: when this process ends, libvirt goes on by itself (peer-to-peer)
        self._thread = threading.Thread(target=self._run, name="mover", daemon=True)

    def start(self) -> None:
        self._began = time.monotonic()
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Since it began, while it runs; else 0."""
        return time.monotonic() - self._began if self._began and self.running else 0.0

    def tells(self, news: threading.Event) -> None:
        """`news` is set when the call is over, at once if it is."""
        self._news = news
        if self.over.is_set():
            news.set()

    def close(self) -> None:
        """Its connection, of a call that nobody waits for any more."""
        try:
            self._connection.close()
        except GatewayError:
            log.debug("closing the connection of a call failed", exc_info=True)

    @property
    def running(self) -> bool:
        return not self.over.is_set()

    def _run(self) -> None:
        returned: bool | None = False
        try:
            self._connection.migrate(self._call)
            returned = True
        except Aborted as error:
            self.aborted = True
            self.error = error.message
        except HostUnreachable as error:
            returned, self.error = None, error.message
        except GatewayError as error:
            self.refused, self.error = not error.unanswered, error.message
        except Exception as error:  # a hint must never kill the watch
            self.error = f"{type(error).__name__}: {error}"
        finally:
            if self.resumes:
                self.close()
            self.returned = returned
            self.over.set()
            self._news.set()
