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
from migrations_app import consumers
from migrations_app.consumers import LiveConsumer
from migrations_app.routing import websocket_urlpatterns
from tests.patience import PATIENCE
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
async def connect(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connect]:
    """A socket that has joined its groups and caught up, or was refused."""
    opened: list[Socket] = []
    begins, settled = LiveConsumer.connect, asyncio.Event()

    async def connects(consumer: LiveConsumer) -> None:
        try:
            await begins(consumer)
        finally:
            settled.set()

    monkeypatch.setattr(LiveConsumer, "connect", connects)
    monkeypatch.setattr(consumers, "BEAT_SECONDS", PATIENCE)  # none comes between what a test waits for

    async def open_socket(user: Any, *topics: str, after: int | None = None, session: Any = None) -> Any:
        query = "&".join(f"topic={topic}" for topic in topics)
        newest = await database_sync_to_async(lambda: Entry.objects.latest("id").pk)()
        application = websocket_urlpatterns[0].callback
        if session is None and user.is_authenticated:
            session = await database_sync_to_async(session_of)(user)
        query += f"&after={newest if after is None else after}"
        socket = Socket(application, query=query, user=user, session=session)
        settled.clear()
        assert await socket.connect()
        opened.append(socket)
        await asyncio.wait_for(settled.wait(), PATIENCE)
        return socket

    yield open_socket
    for socket in opened:
        await socket.disconnect()


@pytest.fixture
def scene(transactional_db: None) -> dict[str, Any]:
    return seed.scene()
