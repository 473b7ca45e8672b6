"""A websocket client for an ASGI application (Channels' own one needs daphne to be installed)."""

from __future__ import annotations

from typing import Any

from asgiref.testing import ApplicationCommunicator

from tests.patience import PATIENCE


class Socket(ApplicationCommunicator):
    def __init__(self, application: Any, *, query: str, user: Any, session: Any) -> None:
        scope = {
            "type": "websocket",
            "path": "/ws/live/",
            "query_string": query.encode(),
            "headers": [],
            "subprotocols": [],
            "user": user,
            "session": session,
        }
        super().__init__(application, scope)

    async def connect(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(timeout=PATIENCE)
        return bool(answer["type"] == "websocket.accept")

    async def receive_from(self) -> str:
        message = await self.receive_output(timeout=PATIENCE)
        assert message["type"] == "websocket.send", message
        return str(message["text"])

    async def close_code(self) -> int:
        """The message that ends it, whatever comes before."""
        while True:
            message = await self.receive_output(timeout=PATIENCE)
            if message["type"] == "websocket.close":
                return int(message["code"])

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(PATIENCE)
