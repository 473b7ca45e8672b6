"""Slow clients: half a request ends, and who asks properly beside it is answered. A real uvicorn with short deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import uvicorn

from kvmweb.serve import deadlines, processes

SHORT, LONG = 0.6, 30.0
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body; /slow after three times the deadline of a head."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.sleep(3 * SHORT)
        await send({"type": "websocket.send", "text": "still here"})
        return
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        if not message["more_body"]:
            break
    if scope["path"] == "/slow":
        await asyncio.sleep(3 * SHORT)
    text = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(deadlines, "HEAD_SECONDS", SHORT)
    monkeypatch.setattr(deadlines, "BODY_SECONDS", SHORT)
    config = uvicorn.Config(application, port=0, http=deadlines.Deadlines, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


async def _say(port: int, text: bytes) -> Line:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    await writer.drain()
    return reader, writer


async def _heard(line: Line) -> bytes:
    """All until the server ends the connection."""
    said = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(LONG):
            said = await line[0].read()
    line[1].close()
    return said


async def _drip(port: int, start: bytes, drop: bytes) -> bytes:
    """Something every moment, and never an end."""
    line = await _say(port, start)

    async def drop_by_drop() -> None:
        with suppress(ConnectionError):
            while not line[1].is_closing():
                line[1].write(drop)
                await line[1].drain()
                await asyncio.sleep(SHORT / 10)

    dripping = asyncio.create_task(drop_by_drop())
    try:
        return await _heard(line)
    finally:
        dripping.cancel()


GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"


async def test_half_sent_requests_end_and_others_are_answered(port: int) -> None:
    half = await asyncio.gather(*(_say(port, GET) for _ in range(120)))
    beside = await _heard(await _say(port, GET + b"Connection: close\r\n\r\n"))
    assert beside.startswith(b"HTTP/1.1 200 ")
    said = await asyncio.gather(*map(_heard, half))
    assert {answer.split(b"\r\n")[0] for answer in said} == {b"HTTP/1.1 408 Request Timeout"}


async def test_a_connection_that_says_nothing_ends(port: int) -> None:
    assert await _heard(await _say(port, b"")) == b""


async def test_dripping_does_not_make_it_longer(port: int) -> None:
    assert (await _drip(port, GET, b"X-Y: z\r\n")).startswith(b"HTTP/1.1 408 ")
    assert (await _drip(port, POST, b"x")).startswith(b"HTTP/1.1 408 ")


async def test_a_connection_that_is_kept_may_not_stay_with_half_a_request(port: int) -> None:
    line = await _say(port, GET + b"\r\n")
    await line[0].readuntil(b"\r\n\r\n0")
    line[1].write(b"GET / HT")
    assert (await _heard(line)).startswith(b"HTTP/1.1 408 ")


async def test_who_asked_properly_waits_for_the_answer_however_long_it_takes(port: int) -> None:
    asked = b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert (await _heard(await _say(port, asked))).startswith(b"HTTP/1.1 200 ")
    line = await _say(port, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(SHORT / 3)
    line[1].write(b"GET / HT")  # the next one, half: it does not spoil the first
    said = await _heard(line)
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.count(b"HTTP/1.1 408") == 1


@pytest.mark.parametrize("more", [b"X-%d: " % 1 + b"y" * 40_000, b"".join(b"X-%d: y\r\n" % i for i in range(6000))])
async def test_headers_that_are_too_long_are_refused(port: int, more: bytes) -> None:
    for end in (b"\r\n\r\n", b""):  # at once, and without an end
        assert (await _heard(await _say(port, GET + more + end))).startswith(b"HTTP/1.1 431 ")
    assert (await _drip(port, GET + b"X: ", b"y" * 5000)).startswith(b"HTTP/1.1 431 ")
    line = b"GET /" + b"y" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    assert (await _heard(await _say(port, line))).startswith(b"HTTP/1.1 431 ")


async def test_a_long_body_and_what_browsers_send_pass(port: int) -> None:
    head = GET + b"Cookie: " + b"c" * 8000 + b"\r\nConnection: close\r\n"
    assert (await _heard(await _say(port, head + b"\r\n"))).startswith(b"HTTP/1.1 200 ")
    said = await _heard(await _say(port, POST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"x" * 100_000))
    assert said.endswith(b"100000")


async def test_a_socket_stays_open(port: int) -> None:
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    line = await _say(port, GET + upgrade + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert b"still here" in await _heard(line)


def test_what_is_served_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    served: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda _app, **settings: served.update(settings))
    processes.web("127.0.0.1", 1)
    assert served["http"] == "kvmweb.serve.deadlines:Deadlines"
    assert served["proxy_headers"] is False
