"""Starts the web server, both task clusters and the watcher, restarts them when they end, and stops them."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO

from django.db import DatabaseError, connection
from django.utils import timezone
from django_q.models import OrmQ

from kvmweb.database import impatient
from kvmweb.secretfiles import private_folder
from kvmweb.serve import busy, processes
from kvmweb.serve.canary import SILENT_SECONDS as CANARY_SILENT_SECONDS
from kvmweb.serve.canary import Canary
from kvmweb.serve.children import Child
from kvmweb.serve.pulse import SILENT_SECONDS, Pulse, beat
from kvmweb.serve.sessions import MARK, Register, tell

log = logging.getLogger(__name__)
#: after this, whatever has not stopped is killed; watched migrations have been released long before
STOP_SECONDS = 3.5
CLUSTERS = ("kvmweb", "migrations")
MOVING = "migrations"


class AlreadyServing(Exception):
    pass


def _nothing() -> None: ...


class Supervisor:
    def __init__(
        self,
        *,
        host: str,
        port: int,
        data_dir: Path,
        canary_every: float = 10.0,
        canary_silent: float = CANARY_SILENT_SECONDS,
        pulse_silent: float = SILENT_SECONDS,
    ) -> None:
        self._run = private_folder(data_dir / "run")
        self._lock = self._take_lock()
        self._stopping = False
        self._patient: Callable[[], None] = _nothing
        self._register = Register(self._run / "sessions.json", os.environ[MARK])
        ended = self._register.end_leftovers()
        if ended:
            log.warning("an earlier kvmweb was killed; ended %s of its processes that were still running", ended)
        self._clusters = {
            name: self._child(f"tasks ({name})", partial(processes.tasks, name), queue=name) for name in CLUSTERS
        }
        pulses = {name: Pulse(name, silent=pulse_silent) for name in ("web", "watcher")}
        self._children = [
            self._child("web", partial(processes.web, host, port), pulse=pulses["web"]),
            *self._clusters.values(),
            self._child("watcher", processes.watcher, pulse=pulses["watcher"]),
        ]
        self._canaries = {name: Canary(name, every=canary_every, silent=canary_silent) for name in CLUSTERS}

    def _child(self, name: str, work: Callable[[], object], *, queue: str = "", pulse: Pulse | None = None) -> Child:
        before = partial(release_queue, queue) if queue else None
        return Child(name, work, self._register, let_go=self._let_go, before=before, pulse=pulse)

    def _let_go(self) -> None:
        """In a child: what is serve's alone."""
        self._lock.close()
        self._patient()

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        self._patient = impatient(seconds=1)  # this process has one thread and must hear signals
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        processes.freeze()
        try:
            while not self._stopping:
                beat("serve")
                for child in self._children:
                    child.keep()
                for name, canary in self._canaries.items():
                    child = self._clusters[name]
                    if child.pid is not None and not canary.look(child.started):
                        if name == MOVING:
                            _detach(set())
                            self._nap(0.5)
                        child.restart("no task has run for too long")
                self._nap(0.5)
        finally:
            self._take_down()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _nap(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < until:
            time.sleep(0.05)

    def _take_down(self) -> None:
        for child in self._children:
            child.ask_to_stop()
        told: set[int] = set()
        until = time.monotonic() + STOP_SECONDS
        while time.monotonic() < until and not all(child.stopped() for child in self._children):
            _detach(told)
            time.sleep(0.1)
        for child in self._children:
            child.end()
        self._lock.close()

    def _take_lock(self) -> IO[str]:
        file = (self._run / "serve.lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise AlreadyServing from None
        return file


def release_queue(cluster: str) -> bool:
    """Free the tasks that a dead cluster had taken, which would wait for `retry`. Nobody else serves this queue now."""
    try:
        OrmQ.objects.filter(key=cluster, lock__gt=timezone.now()).update(lock=timezone.now())
    except DatabaseError:
        log.warning("the queue %s could not be released; trying again", cluster, exc_info=True)
        return False
    finally:
        connection.close()
    return True


def _detach(told: set[int]) -> None:
    """Tell each worker that watches a migration, once, to release it: libvirt continues, the next process adopts it.

    Repeated while stopping: a cluster that drains may take the next task.
    """
    for pid in busy.workers(MOVING):
        if pid not in told:
            told.add(pid)
            tell(pid, signal.SIGTERM)
