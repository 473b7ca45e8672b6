"""The thread of one host: connects, keeps a session, and connects again when it was lost."""

from __future__ import annotations

import logging
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
from hosts.watcher.inbox import Ask, Inbox, Stopped
from hosts.watcher.meeting import Doors, NotUsable, meet
from hosts.watcher.reader import CallClock
from hosts.watcher.session import Session
from hosts.watcher.sharing import Sharing
from hosts.watcher.target import Target
from hosts.words.contact import NOT_STORED, lost, with_details

logger = logging.getLogger(__name__)

#: with the deadline of the attempt that just missed it, a repaired host is connected within 30 s
LONGEST_PAUSE = 10.0
#: seconds after which a connection is no flapping one: the next loss is followed by a short pause again
_STEADY = 60.0


def pause_after(failures: int) -> float:
    """1, 2, 4 ... 10 s for any reason: a repaired host is connected soon, without a user. A little less at
    random, so that hosts lost together are not all connected at the same moment."""
    return min(2.0 ** min(failures - 1, 10), LONGEST_PAUSE) * random.uniform(0.8, 1.0)


class HostWatch:
    def __init__(self, target: Target, doors: Doors, *, refresh_seconds: float) -> None:
        self.clock = CallClock()
        self._target = target
        self._doors = doors
        self._refresh_seconds = refresh_seconds
        self._inbox = Inbox()
        self._sharing = Sharing(doors.share, deadline=doors.deadline)
        self._connected = False
        self._failures = 0
        #: the last error that was logged
        self._logged = ""
        self._thread = threading.Thread(target=self._run, name=f"host-{target.name}", daemon=True)

    # for the main thread

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Nothing is written from now on; the thread ends when the present call returns."""
        self._inbox.stop()
        self._sharing.end()

    def keep_shared(self) -> None:
        """Called about once a second. A host that is not connected gets its shared connections when it is."""
        if self._connected:
            self._sharing.keep()

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

    def works_for(self, row: Target) -> bool:
        return self._target.good_for(row)

    # in the thread

    def _run(self) -> None:
        try:
            while not self._inbox.stopped:
                self._one_life()
                self._failures += 1
                self._rest(pause_after(self._failures))
        except Stopped:
            pass
        finally:
            database.close()

    def _one_life(self) -> None:
        """From first contact until the host is lost. It begins with the row: what an earlier attempt or a user stored
        there is known, however that life ended."""
        started = None
        try:
            self._target = store_hosts.target(self._target.pk)
            started = timezone.now()
            self._target, connection = meet(self._target, self._doors, self._sharing)
            started = timezone.now()
            self._keep(connection)
        except NotUsable as failure:
            self._not_usable(failure, started)
        except GatewayError as error:
            self._not_usable(NotUsable(Host.Contact.AWAY, lost(error.message)), None)
        except store_hosts.Changed:
            logger.info("%s was changed while it was read", self._target.name)
        except Stopped:
            raise
        except Exception as error:
            self._log(error)
            self._not_usable(NotUsable(Host.Contact.AWAY, NOT_STORED), None)

    def _keep(self, connection: HostConnection) -> NoReturn:
        session: Session | None = None
        began = time.monotonic()
        self._connected = True
        try:
            self._take_errands()
            session = Session(
                self._target,
                connection,
                inbox=self._inbox,
                clock=self.clock,
                refresh_seconds=self._refresh_seconds,
            )
            session.run()
        finally:
            self._connected = False
            if session is not None and session.complete and time.monotonic() - began > _STEADY:
                self._failures, self._logged = 0, ""
            self._close(connection)

    def _close(self, connection: HostConnection) -> None:
        self.clock.start()
        try:
            connection.close()
        except GatewayError as error:
            logger.info("%s: could not close the connection: %s", self._target.name, error)
        finally:
            self.clock.stop()

    def _not_usable(self, failure: NotUsable, started: datetime | None) -> None:
        self._inbox.check()
        try:
            store_hosts.not_usable(
                self._target.pk,
                failure.contact,
                failure.text,
                details=failure.details,
                started=started or timezone.now(),
                offered_fingerprint=failure.offered_fingerprint,
            )
            self._take_errands()
            said = with_details(failure.text, failure.details)
            for errand in self._inbox.errands:
                store_hosts.errand_over(errand.pk, error=f"{self._target.name}: {said}")
            self._inbox.errands.clear()
        except Stopped:
            raise
        except Exception as error:
            self._log(error)

    def _log(self, error: Exception) -> None:
        """A traceback once, not with every attempt that fails in the same way."""
        if self._logged != repr(error):
            self._logged = repr(error)
            logger.exception("%s: the watcher failed while it read this host", self._target.name)

    def _rest(self, seconds: float) -> None:
        """Wait; an errand ends the wait at once."""
        database.close()
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if isinstance(self._inbox.take(left), Ask):
                return

    def _take_errands(self) -> None:
        while self._inbox.take() is not None:
            pass
