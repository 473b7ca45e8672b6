"""The shared ssh connections of one host: opened after its first contact, closed with its thread's work."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hosts.facts.endpoint import Endpoint
from hosts.gateway.port import SharedConnections

Share = Callable[[Endpoint], SharedConnections | None]


def share_nothing(_endpoint: Endpoint) -> None:
    return None


class Sharing:
    def __init__(self, share: Share, *, deadline: float) -> None:
        self._share = share
        self._deadline = deadline
        self._lock = threading.Lock()
        self._endpoint: Endpoint | None = None
        self._shared: SharedConnections | None = None
        self._over = False

    def begin(self, endpoint: Endpoint) -> None:
        """In the host's thread, before it connects: that connection is a session on a shared one, too."""
        with self._lock:
            if self._over:
                return
            if endpoint != self._endpoint:
                self._close()
                self._endpoint, self._shared = endpoint, self._share(endpoint)
            shared = self._shared
        if shared is not None:
            shared.keep()
            shared.wait(self._deadline)

    def keep(self) -> None:
        """About once a second, from any thread, while the host is connected."""
        shared = self._shared
        if shared is not None:
            shared.keep()

    def end(self) -> None:
        """For good, and at once: whoever works for the host's row from now on has its own."""
        with self._lock:
            self._over = True
            self._close()

    def _close(self) -> None:
        shared, self._shared = self._shared, None
        if shared is not None:
            shared.close()
