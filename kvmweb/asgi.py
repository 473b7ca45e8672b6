"""HTTP, websockets, and the journal's tail that lives as long as the web process."""

from __future__ import annotations

import asyncio
import os
from typing import Any
from urllib.parse import urlsplit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kvmweb.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import WebsocketDenier
from django.conf import settings

from kvmweb.journal.tail import Tail
from migrations_app.routing import websocket_urlpatterns

Message = dict[str, Any]


class SameOrigin:
    """A websocket carries the cookies of whoever opens it from any site: only our own pages may.

    The Origin must be there and name the host the request was sent to, or one of the trusted origins.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Any, send: Any) -> Any:
        headers = dict(scope.get("headers", []))
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        ours = urlsplit(origin).netloc == host and urlsplit(origin).scheme in ("http", "https")
        if not host or not (ours or origin in settings.CSRF_TRUSTED_ORIGINS):
            return await WebsocketDenier()(scope, receive, send)
        return await self.application(scope, receive, send)


class Lifespan:
    def __init__(self) -> None:
        self._tail: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._tail = asyncio.create_task(Tail().run())
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._tail is not None:
                    self._tail.cancel()
                await send({"type": "lifespan.shutdown.complete"})
                return


application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": SameOrigin(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
        "lifespan": Lifespan(),
    }
)
