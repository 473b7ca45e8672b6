"""HTTP, websockets, and the journal's tail that lives as long as the web process."""

from __future__ import annotations

import asyncio
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kvmweb.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import WebsocketDenier  # noqa: E402
from django.conf import settings  # noqa: E402
from django.http.request import split_domain_port, validate_host  # noqa: E402

from kvmweb.bodies import BodyLimit  # noqa: E402
from kvmweb.journal.tail import Tail  # noqa: E402
from kvmweb.serve import pulse  # noqa: E402
from migrations_app.routing import websocket_urlpatterns  # noqa: E402

Message = dict[str, Any]


class SameOrigin:
    """A websocket carries the cookies of whoever opens it from any site: only our own pages may.

    The Origin must be there and name the host the request was sent to, or one of the trusted origins.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Any, send: Any) -> Any:
        headers = dict(scope.get("headers", []))
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if not (_ours(origin, host) or origin in settings.CSRF_TRUSTED_ORIGINS):
            return await WebsocketDenier()(scope, receive, send)
        return await self.application(scope, receive, send)


def _ours(origin: str, host: str) -> bool:
    """Whether the page came from the host it now talks to, and that is a name of ours: a foreign name may be made to
    point here, and then Origin and Host agree."""
    scheme, _, netloc = origin.partition("://")
    if netloc != host or scheme not in (("https",) if settings.KVMWEB.https else ("http", "https")):
        return False
    return validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)


async def _show_life() -> None:
    """An event loop that hangs stops this too, and `serve` starts the web process afresh."""
    while True:
        pulse.beat("web")
        await asyncio.sleep(1)


class Lifespan:
    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._tasks = [asyncio.create_task(Tail().run()), asyncio.create_task(_show_life())]
                await send({"type": "lifespan.startup.complete"})
            else:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                await send({"type": "lifespan.shutdown.complete"})
                return


application = ProtocolTypeRouter(
    {
        "http": BodyLimit(django_application),
        "websocket": SameOrigin(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
        "lifespan": Lifespan(),
    }
)
