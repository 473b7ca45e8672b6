"""What the web process lets in, and that it follows the journal from its start to its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import override_settings

from kvmweb import asgi
from kvmweb.journal.tail import Tail
from tests.patience import PATIENCE


async def _accepted(*headers: tuple[str, str]) -> bool:
    """Whether a socket with these headers passes the door."""

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})

    lines = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": "websocket", "path": "/ws/live/", "query_string": b"", "headers": lines}
    socket = ApplicationCommunicator(asgi.SameOrigin(inside), scope)
    await socket.send_input({"type": "websocket.connect"})
    answer = await socket.receive_output(timeout=PATIENCE)
    return bool(answer["type"] == "websocket.accept")


HOST = ("host", "localhost:8000")


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "localhost:8000",
        "http://",
        "http://localhost",
        "http://localhost:8001",
        "http://localhost:8000.evil.example",
        "http://evil.example",
        "file://localhost:8000",
        "http://user@localhost:8000",
    ],
)
async def test_foreign_origins_are_refused(origin: str | None) -> None:
    headers = [HOST] if origin is None else [HOST, ("origin", origin)]
    assert not await _accepted(*headers)


async def test_our_own_pages_are_let_in() -> None:
    assert await _accepted(HOST, ("origin", "http://localhost:8000"))
    assert await _accepted(("host", "LOCALHOST:8000"), ("origin", "http://localhost:8000"))


async def test_a_foreign_name_made_to_point_here_is_refused() -> None:
    assert not await _accepted(("host", "evil.example:8000"), ("origin", "http://evil.example:8000"))


async def test_without_host_nobody_is_let_in() -> None:
    assert not await _accepted(("origin", "http://"))


async def test_a_trusted_origin_is_let_in() -> None:
    with override_settings(CSRF_TRUSTED_ORIGINS=["https://kvmweb.example.org"]):
        assert await _accepted(("host", "127.0.0.1:8000"), ("origin", "https://kvmweb.example.org"))


async def test_the_tail_lives_as_long_as_the_web_process(monkeypatch: pytest.MonkeyPatch) -> None:
    life: list[str] = []

    async def run(self: Tail) -> None:
        life.append("began")
        try:
            await asyncio.sleep(60)
        finally:
            life.append("ended")

    monkeypatch.setattr(Tail, "run", run)
    server = ApplicationCommunicator(asgi.application, {"type": "lifespan"})
    await server.send_input({"type": "lifespan.startup"})
    assert await server.receive_output(3) == {"type": "lifespan.startup.complete"}
    await asyncio.sleep(0)
    assert life == ["began"]
    await server.send_input({"type": "lifespan.shutdown"})
    assert await server.receive_output(3) == {"type": "lifespan.shutdown.complete"}
    assert life == ["began", "ended"]
