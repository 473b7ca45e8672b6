"""Refuses bodies that are too large before they are spooled; Django alone would write them to disk first."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings

from kvmweb.web import problems

Message = dict[str, Any]


class _TooLarge(Exception):
    pass


class BodyLimit:
    """Around an ASGI application: 413 when Content-Length, or the body itself, is too large."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        read, answering = 0, False

        async def counted() -> Message:
            nonlocal read
            message: Message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise _TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal answering
            answering = True
            await send(message)

        try:
            if _announced(scope) > most:
                raise _TooLarge
            await self.application(scope, counted, watched)
        except _TooLarge:
            if not answering:
                await _refuse(scope, send)


def _announced(scope: Message) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"0")
    return int(text) if text.isdigit() and len(text) <= 18 else 0


async def _refuse(scope: Message, send: Any) -> None:
    kind, body = "text/plain; charset=utf-8", f"{problems.DETAILS[413]}\n".encode()
    if scope["path"].startswith(problems.PREFIX):
        kind, body = problems.CONTENT_TYPE, json.dumps(problems.body_of(413, scope["path"])).encode()
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # what is still on its way is not read
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
