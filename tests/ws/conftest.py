"""A scene, and sockets of pages that are open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from kvmweb.journal.models import Entry
from migrations_app.routing import websocket_urlpatterns
from tests.web import seed
from tests.ws.socket import Socket

Connect = Callable[..., Any]


def session_of(user: Any) -> Any:
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return session


@pytest.fixture
async def connect(scene: dict[str, Any]) -> AsyncIterator[Connect]:
    opened: list[Socket] = []

    async def open_socket(user: Any, *topics: str, after: int | None = None, session: Any = None) -> Any:
        query = "&".join(f"topic={topic}" for topic in topics)
        newest = await database_sync_to_async(lambda: Entry.objects.latest("id").pk)()
        application = websocket_urlpatterns[0].callback
        if session is None and user.is_authenticated:
            session = await database_sync_to_async(session_of)(user)
        query += f"&after={newest if after is None else after}"
        socket = Socket(application, query=query, user=user, session=session)
        assert await socket.connect()
        opened.append(socket)
        await _settled(socket)
        return socket

    yield open_socket
    for socket in opened:
        await socket.disconnect()


@pytest.fixture
def scene(transactional_db: None) -> dict[str, Any]:
    return seed.scene()


async def _settled(socket: Socket) -> None:
    """It has joined its groups and caught up, or it was refused; nothing else happens on its own."""
    quiet = 0
    for _ in range(40):
        before = socket.output_queue.qsize()
        await asyncio.sleep(0.05)
        quiet = quiet + 1 if socket.output_queue.qsize() == before else 0
        if quiet == 3 or socket.future.done():
            return
