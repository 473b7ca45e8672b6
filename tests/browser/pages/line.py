"""A connection to the site that can be cut silently: nothing passes, and no socket is closed."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self


class Line:
    """A TCP proxy on a port of its own. What was connected when it was cut stays dead when it is mended, as behind a
    router that forgot it; new connections pass."""

    def __init__(self, url: str) -> None:
        self._site = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._dead: set[socket.socket] = set()
        self._cut = False
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def cut(self) -> None:
        self._cut = True
        self._dead.update(self._open)

    def mend(self) -> None:
        self._cut = False

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                browser, _ = self._listener.accept()
                site = socket.create_connection(self._site)
                self._open += (browser, site)
                if self._cut:
                    self._dead |= {browser, site}
                for ends in ((browser, site), (site, browser)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, here: socket.socket, there: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := here.recv(65536):
                if here not in self._dead:
                    there.sendall(data)
            if here not in self._dead:
                there.shutdown(socket.SHUT_WR)
