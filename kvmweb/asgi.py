"""HTTP, websockets, and what runs as long as the web process: the journal's tail, the heartbeat, the storage alarm."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kvmweb.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from asgiref.sync import sync_to_async  # noqa: E402
from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import WebsocketDenier  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import Error, connection  # noqa: E402
from django.http.request import split_domain_port, validate_host  # noqa: E402
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware  # noqa: E402

from kvmweb import alarm, database  # noqa: E402
from kvmweb.journal.live import group_name  # noqa: E402
from kvmweb.journal.tail import Tail  # noqa: E402
from kvmweb.serve import pulse  # noqa: E402
from kvmweb.web.bodies import BodyLimit  # noqa: E402
from migrations_app.consumers import TRY_AGAIN_LATER  # noqa: E402
from migrations_app.reading import follow  # noqa: E402
from migrations_app.routing import websocket_urlpatterns  # noqa: E402

Message = dict[str, Any]
log = logging.getLogger(__name__)
#: the longest a page waits for the database
PATIENCE_SECONDS = 5
STORAGE_SECONDS = 2
MOST_DOUBTED = 10  # the log names at most this many unlisted proxies, each once


class SameOrigin:
    """Only our own pages may open a websocket: browsers send cookies with it from any site.

    The Origin must name the host the request was sent to, or one of the trusted origins.
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
    """An event loop that hangs stops this too, and `serve` then restarts the web process."""
    while True:
        pulse.beat("web")
        await asyncio.sleep(1)


class Patient:
    """Around the sockets: when the database fails, a socket is closed with "try again later" and a line in the log.

    Pages open their socket again by themselves. What is sent to a tab that was closed meanwhile is dropped without an
    error.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Any, send: Any) -> Any:
        accepted = False

        async def watched(message: Message) -> None:
            nonlocal accepted
            accepted = accepted or message["type"] == "websocket.accept"
            with suppress(OSError):
                await send(message)

        try:
            return await self.application(scope, receive, watched)
        except Exception as error:
            trouble = database.trouble(error)
            if trouble is None:
                raise
            log.warning("closed the websocket of a page: %s", trouble.sentence)
            if not accepted:  # a browser learns the code only of a socket that was open
                await watched({"type": "websocket.accept"})
            await watched({"type": "websocket.close", "code": TRY_AGAIN_LATER})


async def _watch_storage() -> None:
    """Tell open pages of the storage alarm and its end, without the journal."""
    look = sync_to_async(_look_at_storage, thread_sensitive=False)
    while True:
        if topics := await look():
            layer = get_channel_layer()
            for topic in topics:
                await layer.group_send(group_name(topic), {"type": "live.changed", "topic": topic})
        await asyncio.sleep(STORAGE_SECONDS)


def _look_at_storage() -> Sequence[str]:
    """The topics of the pages that have to know."""
    try:
        return follow.all_list_topics() if alarm.look() else ()
    except Error:
        return follow.LISTS  # the others read themselves again once a minute
    finally:
        connection.close()


class Lifespan:
    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                database.impatient(seconds=PATIENCE_SECONDS)
                running = (Tail().run(), _show_life(), _watch_storage())
                self._tasks = [asyncio.create_task(coroutine) for coroutine in running]
                await send({"type": "lifespan.startup.complete"})
            else:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                await send({"type": "lifespan.shutdown.complete"})
                return


class FromClient:
    """Uses the client address that a proxy passes on, from KVMWEB_TRUSTED_PROXIES only.

    Here and not in uvicorn, which trusts 127.0.0.1 by itself and reads an environment variable.
    """

    def __init__(self, application: Any, trusted: Sequence[str]) -> None:
        self.application = application
        self.believing = ProxyHeadersMiddleware(application, trusted_hosts=list(trusted))
        self.doubted: set[str] = set()

    async def __call__(self, scope: Message, receive: Any, send: Any) -> Any:
        peer = (scope.get("client") or ("",))[0]
        if peer in self.believing.trusted_hosts:
            return await self.believing(scope, receive, send)
        said = any(name == b"x-forwarded-for" for name, _ in scope["headers"])
        if said and peer not in self.doubted and len(self.doubted) < MOST_DOUBTED:
            self.doubted.add(peer)
            log.warning("ignored X-Forwarded-For from %s: it is not in KVMWEB_TRUSTED_PROXIES", peer)
        return await self.application(scope, receive, send)


_pages = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
_proxies = settings.KVMWEB.trusted_proxies
application = ProtocolTypeRouter(
    {
        "http": FromClient(BodyLimit(django_application), _proxies),
        "websocket": FromClient(SameOrigin(Patient(_pages)), _proxies),
        "lifespan": Lifespan(),
    }
)
