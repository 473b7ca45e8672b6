"""Hands errands to the thread of their host, and ends those that get no answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from hosts.models import Errand
from hosts.watcher import store_hosts
from hosts.watcher.host_watch import HostWatch
from hosts.watcher.inbox import Ask


@dataclass(frozen=True, slots=True)
class _Held:
    """By the thread of `host`; overdue after `until` (monotonic)."""

    host: int
    until: float


class Errands:
    def __init__(self, *, deadline: float) -> None:
        """`deadline`: seconds for one answer of a host."""
        self._seconds = 3 * deadline + 10
        self._held: dict[int, _Held] = {}

    def hand_out(self, watch_of: Callable[[int], HostWatch | None]) -> None:
        """Those that wait, to the threads of their hosts; one whose host has none waits on."""
        waiting = Errand.objects.filter(done__isnull=True).exclude(pk__in=list(self._held)).order_by("id")
        until = time.monotonic() + self._seconds
        for errand in waiting:
            watch = watch_of(errand.host_id)
            if watch is not None:
                self._held[errand.pk] = _Held(errand.host_id, until)
                watch.ask(Ask(pk=errand.pk, what=errand.what, pool=errand.pool))
        now = time.monotonic()
        self._fail(lambda held: held.until < now, "The host did not answer in time.")

    def fail(self, host: int, text: str) -> None:
        self._fail(lambda held: held.host == host, text)

    def take_back(self, host: int) -> None:
        """Its thread is gone: they are handed out again."""
        self._held = {pk: held for pk, held in self._held.items() if held.host != host}

    def forget_done(self) -> None:
        still = set(Errand.objects.filter(done__isnull=True).values_list("pk", flat=True))
        self._held = {pk: held for pk, held in self._held.items() if pk in still}

    def _fail(self, which: Callable[[_Held], bool], text: str) -> None:
        for pk, held in list(self._held.items()):
            if which(held):
                store_hosts.errand_over(pk, error=text)
                del self._held[pk]
