"""A task that does nothing but show that its cluster still takes tasks.

A cluster whose idle worker was killed while it held the queue's lock looks alive and never runs a task again
(django-q2, open upstream for years). Only a task that comes back proves the opposite.
"""

from __future__ import annotations

import time
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError

from kvmweb.queue import enqueue


def sing(cluster: str) -> None:
    """The task."""
    _perch(cluster).touch()


def _perch(cluster: str) -> Path:
    folder: Path = settings.KVMWEB.data_dir / "run"
    return folder / f"canary-{cluster}"


class Canary:
    def __init__(self, cluster: str, *, every: float = 10.0, silent: float = 45.0) -> None:
        self.cluster = cluster
        self._every = every
        self._silent = silent
        self._sent = 0.0
        self._mark = self._read()
        self._heard = time.monotonic()

    def look(self, cluster_started: float) -> bool:
        """Send the next one when it is time; False when none has come back for too long since the cluster's start."""
        now = time.monotonic()
        mark = self._read()
        if mark != self._mark:
            self._mark, self._heard = mark, now
        if now - self._sent >= self._every:
            try:
                enqueue("kvmweb.serve.canary.sing", self.cluster, cluster=self.cluster)
            except DatabaseError:
                self._heard = now  # the database is busy or away: silence says nothing about the cluster
            self._sent = now
        return now - max(self._heard, cluster_started) < self._silent

    def _read(self) -> float:
        try:
            return _perch(self.cluster).stat().st_mtime
        except FileNotFoundError:
            return 0.0
