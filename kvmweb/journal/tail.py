"""Each web process follows the journal and passes new entries to its own websockets.

SQLite: `PRAGMA data_version` on one permanent connection shows whether something was committed, without an open read
transaction. PostgreSQL: new ids are read. They may become visible late, so a short window is read again, without the
entries that were already seen.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection

from kvmweb.database import Trouble, trouble
from kvmweb.journal import live
from kvmweb.journal.models import Entry

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
POLL_SECONDS = {"sqlite": 0.05, "postgresql": 0.1}
#: between two pushes of one topic; what comes meanwhile is pushed together
QUIET_SECONDS = 0.1
#: ids this far behind the newest may still appear
WINDOW = 200
MOST_PER_READ = 2000


class Tail:
    def __init__(self) -> None:
        # its own thread with its own connections: otherwise all sockets would wait while it renders
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal-tail")
        self._last = 0
        self._seen: deque[int] = deque(maxlen=WINDOW * 4)
        self._version = -1
        self._unread = True
        self._sqlite: sqlite3.Connection | None = None
        self._pending: dict[str, list[Entry]] = defaultdict(list)
        self._pushed: dict[str, float] = {}
        self._trouble: Trouble | None = None

    async def run(self) -> None:
        """Until cancelled; an error is logged, and the tail continues where it was."""
        try:
            await self._follow()
        finally:
            await self._aside(self._hang_up)
            self._thread.shutdown(wait=False)

    async def _follow(self) -> None:
        started = False
        while True:
            try:
                if not started:
                    await self._aside(self._start)
                    started = True
                await self._tick()
                self._trouble = None
            except Exception as error:
                found = trouble(error)
                if found is None:
                    log.exception("following the journal failed; trying again")
                elif found is not self._trouble:  # said once, not every second
                    log.warning("cannot follow the journal, pages get no updates: %s", found.sentence)
                self._trouble = found
                await self._aside(self._hang_up)
                await asyncio.sleep(1)
            await asyncio.sleep(POLL_SECONDS.get(connection.vendor, 0.1))

    async def _aside(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it in the tail's thread."""
        call = sync_to_async(function, thread_sensitive=False, executor=self._thread)
        return await call(*args, **kwargs)

    def _start(self) -> None:
        newest = Entry.objects.order_by("-id").values_list("id", flat=True)[:WINDOW]
        self._seen.extend(newest)
        self._last = max(self._seen, default=0)

    async def _tick(self) -> None:
        if await self._aside(self._something_new):
            self._unread = True
        if self._unread:
            entries = await self._aside(self._read)
            # only now: if reading failed, it must be repeated without waiting for the next commit
            self._unread = len(entries) == MOST_PER_READ
            for entry in entries:
                self._pending[entry.topic].append(entry)
            for topic, echo in (await self._aside(live.echoed, entries)).items() if entries else ():
                self._pending[topic].extend(echo)
        now = time.monotonic()
        for topic in [t for t in self._pending if now - self._pushed.get(t, 0.0) >= QUIET_SECONDS]:
            entries = self._pending.pop(topic)
            self._pushed[topic] = now
            await self._push(topic, entries)
        if len(self._pushed) > 1000:
            self._pushed = {t: at for t, at in self._pushed.items() if now - at < 10}

    def _something_new(self) -> bool:
        if connection.vendor != "sqlite":
            return True
        if self._sqlite is None:
            name = str(settings.DATABASES["default"]["NAME"])
            self._sqlite = sqlite3.connect(name, check_same_thread=False, isolation_level=None, timeout=5)
        version = int(self._sqlite.execute("PRAGMA data_version").fetchone()[0])
        changed = version != self._version
        self._version = version
        return changed

    def _read(self) -> list[Entry]:
        """New entries, oldest first. There are usually none, so only ids are read at first."""
        newer = Entry.objects.filter(id__gt=self._last - WINDOW).order_by("id").values_list("id", flat=True)
        seen = set(self._seen)
        new = [pk for pk in newer[: WINDOW + MOST_PER_READ] if pk not in seen][:MOST_PER_READ]
        if not new:
            return []
        entries = list(Entry.objects.filter(id__gte=new[0], id__lte=new[-1]).exclude(id__in=seen).order_by("id"))
        self._seen.extend(entry.pk for entry in entries)
        self._last = max((self._last, *(entry.pk for entry in entries)))
        return entries

    def _hang_up(self) -> None:
        """After an error: the next tick opens a new connection and reads, whatever the version."""
        connection.close()
        self._unread = True
        if self._sqlite is not None:
            self._sqlite.close()
            self._sqlite = None

    async def _push(self, topic: str, entries: Sequence[Entry]) -> None:
        layer = get_channel_layer()
        group = live.group_name(topic)
        if layer is None or group not in getattr(layer, "groups", {group: None}):
            return  # no page shows it
        changed = {"type": "live.changed", "topic": topic}
        if not live.has_renderer(topic):
            await layer.group_send(group, changed)
            return
        try:
            fragments = await self._aside(live.rendered, topic, entries)
        except Exception:
            log.exception("%s could not be rendered; its pages reload", topic)
            await layer.group_send(group, changed)
            return
        if fragments is not None:
            await layer.group_send(group, {"type": "live.push", "topic": topic, "fragments": fragments})
