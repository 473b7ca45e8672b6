"""The socket of an open page: checks permissions, forwards what the journal's tail sends, and catches up on connect."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error

from kvmweb.journal import live
from migrations_app.reading import follow

#: static/js/live.js calls a page stale that misses two
BEAT_SECONDS = 3
#: seconds for which a permission check holds
TRUST_SECONDS = 3
TRY_AGAIN_LATER = 1013


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """`?topic=migration:17&topic=inventory&after=4711`; `after` is where the journal ended for the page."""

    beats: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        # accepted first: a browser learns the code only of a socket that was open
        await self.accept()
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        self.topics = list(dict.fromkeys(query.get("topic", [])))
        self.checked = 0.0
        if not await self._allowed():
            return
        for topic in self.topics:
            await self._join(topic)
        await self._catch_up(query.get("after", ["0"])[0])
        self.beats = asyncio.create_task(self._beat())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Whether a closed tab or an error ended it: stop the beat and leave all topics."""
        self.joined: set[str] = set()
        try:
            return await super().__call__(scope, receive, send)
        finally:
            if self.beats is not None:
                self.beats.cancel()
                await asyncio.gather(self.beats, return_exceptions=True)
            for topic in list(self.joined):
                await self._leave(topic)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Pages send nothing over the socket."""

    async def live_push(self, event: dict[str, Any]) -> None:
        if await self._allowed() and event["topic"] in self.joined:
            await self._push(event["topic"], event["fragments"])

    async def live_changed(self, event: dict[str, Any]) -> None:
        if not await self._allowed():
            return
        if follow.tells_of_moves(event["topic"]):
            await self._follow_moves()
        await self._say(changed=event["topic"])

    async def _catch_up(self, after: str) -> None:
        """The topics are joined already, so nothing is missed between this and the next push."""
        await self._follow_moves()
        missed = await database_sync_to_async(follow.changed_since)(sorted(self.joined), after)
        for topic in filter(live.has_renderer, self.topics):
            fragments = await database_sync_to_async(live.rendered)(topic, ())
            if fragments:
                await self._push(topic, fragments)
        if missed:
            await self._say(changed=sorted(missed)[0])

    async def _push(self, topic: str, fragments: dict[str, str]) -> None:
        """For people of a group the page reads itself again instead, when the fragments say what is not for them."""
        sees_all = not {*follow.LISTS}.isdisjoint(self.topics)
        user = self.scope["user"].pk
        if not sees_all and await database_sync_to_async(follow.names_others)(user, topic, fragments):
            await self._say(changed=topic)
        else:
            await self._say(topic=topic, fragments=fragments)

    async def _follow_moves(self) -> None:
        """Pages that follow a list of migrations also get the progress of the running ones, as far as the user sees
        them."""
        if not any(map(follow.tells_of_moves, self.topics)):
            return
        moving = set(await database_sync_to_async(follow.moving_topics)(self.scope["user"].pk))
        for topic in self.joined - moving - set(self.topics):
            await self._leave(topic)
        for topic in moving - self.joined:
            await self._join(topic)

    async def _allowed(self) -> bool:
        """Checked again before anything is forwarded; a refusal closes the socket with 4401, 4403 or 4404. A host may
        also have left the user's group, and its migrations with it."""
        if time.monotonic() - self.checked < TRUST_SECONDS:
            return True
        session = self.scope.get("session")
        key = session.session_key if session is not None else None
        code = await database_sync_to_async(follow.refusal)(self.scope["user"].pk, key, self.topics)
        if code:
            await self.close(code=code)
            return False
        self.checked = time.monotonic()
        await self._follow_moves()
        return True

    async def _beat(self) -> None:
        """Tells the page that the connection is alive; the server's own pings never reach its script.

        Also notices a log-out while nothing else is sent.
        """
        try:
            while True:
                await asyncio.sleep(BEAT_SECONDS)
                if await self._allowed():
                    await self._say(beat=True)
        except Error:
            await self.close(code=TRY_AGAIN_LATER)

    async def _say(self, **what: Any) -> None:
        await self.send(text_data=json.dumps(what))

    async def _join(self, topic: str) -> None:
        self.joined.add(topic)
        await self.channel_layer.group_add(live.group_name(topic), self.channel_name)

    async def _leave(self, topic: str) -> None:
        self.joined.discard(topic)
        await self.channel_layer.group_discard(live.group_name(topic), self.channel_name)
