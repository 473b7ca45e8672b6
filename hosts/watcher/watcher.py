"""The watcher's main thread: a thread per registered host, errands handed to them, an eye on silent ones."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db import connection as database
from django.utils import timezone

from hosts.models import Errand, Host, Introduction
from hosts.watcher import store_hosts
from hosts.watcher.errands import Errands
from hosts.watcher.host_watch import HostWatch
from hosts.watcher.meeting import Connect, Doors, FirstContact
from hosts.watcher.sharing import Share, share_nothing
from hosts.watcher.target import Target
from hosts.words.contact import silent

logger = logging.getLogger(__name__)

TICK = 0.1
#: at least this often hosts are compared with their threads
_COMPARE_EVERY = 1.0
#: and not more often than this, however busy the database is
_SHORTEST_PAUSE = 0.3
_HOOKS_EVERY = 1.0
#: a silent host's thread is given up this long after its deadline; keepalive should have ended its call
_GIVE_UP = 30.0
#: first contacts at the same time
_MEETINGS = 8
_SWEEP_EVERY = 3600.0
_SWEEP_OLDER = timedelta(days=1)

Hook = Callable[[], None]


class Watcher:
    def __init__(
        self,
        *,
        connect: Connect,
        first_contact: FirstContact,
        refresh_seconds: float,
        deadline: float,
        share: Share = share_nothing,
        hooks: Sequence[Hook] = (),
    ) -> None:
        """`deadline`: seconds for one answer of a host. Hooks run about once a second, in the main thread."""
        self._doors = Doors(
            connect=connect,
            first_contact=first_contact,
            deadline=deadline,
            meetings=threading.Semaphore(_MEETINGS),
            share=share,
        )
        self._refresh_seconds = refresh_seconds
        self._deadline = deadline
        self._hooks = tuple(hooks)
        self._stop = threading.Event()
        self._watches: dict[int, HostWatch] = {}
        self._errands = Errands(deadline=deadline)
        self._data_version = -1
        self._compared = self._swept = self._hooked = float("-inf")

    def run(self) -> None:
        """Until `stop`. A database that is away does not end it."""
        try:
            while not self._stop.is_set():
                self._tick()
                self._stop.wait(TICK)
        finally:
            self._end()

    def stop(self) -> None:
        """Safe in a signal handler."""
        self._stop.set()

    def _tick(self) -> None:
        try:
            now = time.monotonic()
            changed = self._database_changed()
            if now - self._compared >= (_SHORTEST_PAUSE if changed else _COMPARE_EVERY):
                self._compare()
                self._compared = now
                self._keep_shared()
                changed = True
            if changed:
                self._errands.hand_out(self._watch_of)
            self._mind_silent_hosts()
            self._sweep(now)
        except Exception:
            logger.exception("the watcher could not read the registered hosts")
            self._data_version = -1
            if not database.in_atomic_block:
                database.close()
            self._stop.wait(1.0)
        self._run_hooks()

    def _database_changed(self) -> bool:
        """Whether comparing is worth a query: SQLite has a counter of other connections' writes."""
        if database.vendor != "sqlite":
            return True
        with database.cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            (version,) = cursor.fetchone()
        changed = bool(version != self._data_version)
        self._data_version = version
        return changed

    # hosts

    def _compare(self) -> None:
        """Every registered host has a thread that works for its row, and no other has one."""
        targets = _targets()
        for pk, watch in list(self._watches.items()):
            target = targets.get(pk)
            if target is None or not watch.works_for(target) or not watch.alive:
                watch.stop()
                del self._watches[pk]
                self._errands.take_back(pk)
        for pk, target in targets.items():
            if pk not in self._watches:
                self._start(target)

    def _start(self, target: Target) -> None:
        watch = HostWatch(target, self._doors, refresh_seconds=self._refresh_seconds)
        self._watches[target.pk] = watch
        watch.start()

    def _watch_of(self, pk: int) -> HostWatch | None:
        if pk not in self._watches:
            self._compare()
        return self._watches.get(pk)

    def _keep_shared(self) -> None:
        for watch in self._watches.values():
            watch.keep_shared()

    def _mind_silent_hosts(self) -> None:
        for pk, watch in list(self._watches.items()):
            waiting = watch.clock.waiting()
            if waiting > self._deadline and not watch.clock.reported:
                watch.clock.reported = True
                text = silent(watch.target.name, self._deadline)
                store_hosts.not_usable(pk, Host.Contact.AWAY, text, started=timezone.now())
                self._errands.fail(pk, text)
            if waiting > self._deadline + _GIVE_UP:
                watch.stop()
                self._start(watch.target)

    # the rest

    def _sweep(self, now: float) -> None:
        if now - self._swept < _SWEEP_EVERY:
            return
        self._swept = now
        old = timezone.now() - _SWEEP_OLDER
        Errand.objects.filter(done__lt=old).delete()
        Introduction.objects.filter(asked__lt=old).delete()
        self._errands.forget_done()

    def _run_hooks(self) -> None:
        now = time.monotonic()
        if now - self._hooked < _HOOKS_EVERY:
            return
        self._hooked = now
        for hook in self._hooks:
            try:
                hook()
            except Exception:
                logger.exception("hook %s failed", getattr(hook, "__qualname__", hook))
                if not database.in_atomic_block:
                    database.close()

    def _end(self) -> None:
        """Ask the threads to end and wait a moment; one that hangs is left to the end of the process."""
        for watch in self._watches.values():
            watch.stop()
        deadline = time.monotonic() + 1.0
        for watch in self._watches.values():
            watch.join(max(0.0, deadline - time.monotonic()))
        database.close()


def _targets() -> dict[int, Target]:
    targets = {}
    for host in Host.objects.all():
        try:
            targets[host.pk] = Target.of(host)
        except ValueError as error:  # a row that no use case wrote must not stop the others
            logger.error("%s cannot be watched: %s", host.name, error)
    return targets
