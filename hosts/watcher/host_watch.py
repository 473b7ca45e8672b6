"""The thread of one host: meets it, keeps a session with it, comes back when it was lost."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from datetime import datetime
from typing import NoReturn

from django.db import connection as database
from django.utils import timezone

from hosts.gateway.port import GatewayError, HostConnection
from hosts.models import Host
from hosts.watcher import store_hosts
from hosts.watcher.meeting import CallClock, Doors, NotUsable, meet
from hosts.watcher.session import Ask, Inbox, Session, Stop, Stopped
from hosts.watcher.target import Target

logger = logging.getLogger(__name__)

_LONGEST_PAUSE = 30.0


class HostWatch:
    def __init__(self, target: Target, doors: Doors, *, refresh_seconds: float) -> None:
        self.clock = CallClock()
        self._target = target
        #: the fingerprint this thread pinned itself: a row with it is no change
        self._pinned = target.fingerprint
        self._doors = doors
        self._refresh_seconds = refresh_seconds
        self._inbox: Inbox = queue.SimpleQueue()
        self._errands: list[Ask] = []
        self._stopped = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=f"host-{target.name}", daemon=True)

    # for the main thread

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Nothing is written from now on; the thread ends when the host lets it."""
        self._stopped.set()
        self._inbox.put(Stop())

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def ask(self, errand: Ask) -> None:
        self._inbox.put(errand)

    @property
    def target(self) -> Target:
        return self._target

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def works_for(self, target: Target) -> bool:
        known = (self._pinned, self._target.fingerprint)
        return self._target.same_door(target) and target.fingerprint in known

    # in the thread

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._rest(self._one_life())
        except Stopped:
            pass
        finally:
            database.close()

    def _one_life(self) -> float | None:
        """From first contact until the host is lost. Seconds to wait before the next; None: until asked."""
        started = timezone.now()
        try:
            self._target, connection = meet(
                self._target, self._doors, pinned=self._remember_key, away_retry=self._pause()
            )
            started = timezone.now()
            self._keep(connection)
        except NotUsable as failure:
            return self._not_usable(failure, started)
        except GatewayError as error:
            return self._not_usable(NotUsable(Host.Contact.AWAY, error.message, retry=self._pause()), None)
        except Stopped:
            raise
        except Exception:
            logger.exception("%s: the watcher could not go on with this host", self._target.name)
            text = "kvmweb could not store what this host said; its log says why."
            return self._not_usable(NotUsable(Host.Contact.AWAY, text, retry=self._pause()), None)

    def _keep(self, connection: HostConnection) -> NoReturn:
        session: Session | None = None
        try:
            self._take_errands()
            session = Session(
                self._target,
                connection,
                inbox=self._inbox,
                errands=self._errands,
                clock=self.clock,
                stopped=self._stopped.is_set,
                refresh_seconds=self._refresh_seconds,
            )
            session.run()
        finally:
            if session is not None and session.complete:
                self._failures = 0
            self._close(connection)

    def _close(self, connection: HostConnection) -> None:
        self.clock.start()
        try:
            connection.close()
        except GatewayError as error:
            logger.info("%s: closing: %s", self._target.name, error)
        finally:
            self.clock.stop()

    def _not_usable(self, failure: NotUsable, started: datetime | None) -> float | None:
        if self._stopped.is_set():
            raise Stopped
        self._failures += 1
        logger.warning("%s: %s: %s", self._target.name, failure.contact, failure.text)
        try:
            store_hosts.not_usable(
                self._target.pk,
                failure.contact,
                failure.text,
                started=started or timezone.now(),
                offered_fingerprint=failure.offered_fingerprint,
            )
            self._take_errands()
            for errand in self._errands:
                store_hosts.errand_over(errand.pk, error=f"{self._target.name}: {failure.text}")
            self._errands.clear()
        except Exception:
            logger.exception("%s: its state could not be stored", self._target.name)
            return self._pause()
        return failure.retry

    def _remember_key(self, target: Target) -> None:
        self._pinned = target.fingerprint

    def _pause(self) -> float:
        """1, 2, 4 ... 30 s, with a jitter so that hosts lost together do not come back in one moment."""
        return float(min(2.0 ** min(self._failures, 10), _LONGEST_PAUSE)) * random.uniform(0.8, 1.2)

    def _rest(self, seconds: float | None) -> None:
        """Wait; an errand ends the wait at once."""
        database.close()
        until = time.monotonic() + seconds if seconds is not None else None
        while not self._errands:
            left = until - time.monotonic() if until is not None else None
            if left is not None and left <= 0:
                return
            try:
                self._take(self._inbox.get(timeout=left))
            except queue.Empty:
                return

    def _take_errands(self) -> None:
        try:
            while True:
                self._take(self._inbox.get_nowait())
        except queue.Empty:
            pass

    def _take(self, message: object) -> None:
        if self._stopped.is_set() or isinstance(message, Stop):
            raise Stopped
        if isinstance(message, Ask):
            self._errands.append(message)
