"""uvicorn's HTTP with timeouts: otherwise a client that sends half a request, or reads nothing, keeps a descriptor."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_SECONDS = 10.0
#: for the largest body that is read (DATA_UPLOAD_MAX_MEMORY_SIZE) over a slow line
BODY_SECONDS = 30.0
#: a client that takes nothing of what was sent to it
UNREAD_SECONDS = 60
#: request line and headers
MOST_HEAD_BYTES = 32_768


class _TooLarge(Exception):
    pass


class Deadlines(HttpToolsProtocol):  # type: ignore[misc]
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = None
        self._head: int | None = 0  # bytes of a head that has not ended; None while a body or an answer is due
        with suppress(OSError, AttributeError):
            connection: socket.socket = transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
        self._arm(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            if self._deadline is None:
                self._arm(HEAD_SECONDS)
            self._head += len(data)
        super().data_received(data)
        if self._head is not None and self._head > MOST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head = None
        self._arm(BODY_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._disarm()
        self._head = 0  # of the next one
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._disarm()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        if getattr(self, "_size", 0) > MOST_HEAD_BYTES:
            self._refuse(431)
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        """Also of a head that came at once."""
        self._size += size
        if self._size > MOST_HEAD_BYTES:
            raise _TooLarge

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self._late)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        if self._head is not None and self._answering():
            self._arm(HEAD_SECONDS)  # the next request is late; the one before it is answered first
        else:
            self._refuse(408)

    def _answering(self) -> bool:
        return bool(self.pipeline) or (self.cycle is not None and not self.cycle.response_complete)

    def _refuse(self, status: int) -> None:
        """Then the connection ends. No response without a request, nor in the middle of another response."""
        self._disarm()
        silent = self._head == 0 or self.pipeline or (self._answering() and (self._head or self.cycle.response_started))
        if not silent:
            lines = (STATUS_LINE[status], b"content-length: 0\r\n", b"connection: close\r\n", b"\r\n")
            self.transport.write(b"".join(lines))
        self.transport.close()
