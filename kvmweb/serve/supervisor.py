"""Starts the web server, both task clusters and the watcher, restarts them when they end, and stops them."""

from __future__ import annotations

import fcntl
import logging
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import IO

from django.db import DatabaseError, connection
from django.utils import timezone
from django_q.models import OrmQ

from kvmweb.config import BASE_DIR
from kvmweb.database import impatient
from kvmweb.secretfiles import private_folder
from kvmweb.serve import busy
from kvmweb.serve.canary import Canary
from kvmweb.serve.children import Child
from kvmweb.serve.pulse import SILENT_SECONDS, Pulse
from kvmweb.serve.sessions import Register, tell

log = logging.getLogger(__name__)
#: after this, whatever has not stopped is killed; watched migrations have been released long before
STOP_SECONDS = 3.5
CLUSTERS = ("kvmweb", "migrations")
MOVING = "migrations"


class AlreadyServing(Exception):
    pass


class Supervisor:
    def __init__(
        self,
        *,
        host: str,
        port: int,
        data_dir: Path,
        canary_every: float = 10.0,
        canary_silent: float = 45.0,
        pulse_silent: float = SILENT_SECONDS,
    ) -> None:
        self._run = private_folder(data_dir / "run")
        self._lock = self._take_lock()
        self._stopping = False
        self._register = Register(self._run / "sessions.json")
        ended = self._register.end_leftovers()
        if ended:
            log.warning("an earlier kvmweb was killed; ended %s of its processes that were still running", ended)
        manage = [sys.executable, str(BASE_DIR / "manage.py")]
        web = [
            *(sys.executable, "-m", "uvicorn", "kvmweb.asgi:application", "--host", host, "--port", str(port)),
            *("--lifespan", "on", "--no-access-log", "--log-level", "warning", "--ws-max-size", "65536"),
            *("--timeout-graceful-shutdown", "2"),
            *("--http", "kvmweb.serve.deadlines:Deadlines", "--no-proxy-headers"),
        ]
        self._children = [Child("web", web, self._register, pulse=Pulse("web", silent=pulse_silent))]
        self._clusters: dict[str, Child] = {}
        for name in CLUSTERS:
            env = {} if name == "kvmweb" else {"Q_CLUSTER_NAME": name}
            child = Child(
                f"tasks ({name})",
                [*manage, "qcluster"],
                self._register,
                env=env,
                before=lambda name=name: release_queue(name),  # type: ignore[misc]
            )
            self._clusters[name] = child
            self._children.append(child)
        pulse = Pulse("watcher", silent=pulse_silent)
        self._children.append(Child("watcher", [*manage, "watch"], self._register, pulse=pulse))
        self._canaries = {name: Canary(name, every=canary_every, silent=canary_silent) for name in CLUSTERS}

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        connection.close()
        impatient(seconds=1)  # this process has one thread and must hear signals
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        try:
            while not self._stopping:
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
