"""A task that only shows that its cluster still takes tasks.

A cluster whose idle worker was killed while it held the queue's lock looks alive and never runs a task again
(a known fault of django-q2). Only a task that really runs proves that the cluster works.
"""

from __future__ import annotations

import time

from django.conf import settings
from django.db import DatabaseError, connection

from kvmweb.queue import enqueue
from kvmweb.serve import busy

#: without any task for this long a cluster is stuck
SILENT_SECONDS = 45.0


def sing() -> None:
    """The task. The worker records the beginning and end of every task, so there is nothing left to do."""


def workers_of(cluster: str) -> int:
    """How many the cluster has."""
    return int(settings.Q_CLUSTER["ALT_CLUSTERS"].get(cluster, settings.Q_CLUSTER)["workers"])


class Canary:
    """`every`: seconds between two canaries. `silent`: seconds without any task after which the cluster is stuck."""

    def __init__(self, cluster: str, *, every: float, silent: float) -> None:
        self.cluster = cluster
        self._every = every
        self._silent = silent
        self._workers = workers_of(cluster)
        self._sent = float("-inf")
        self._mark = self._read()
        self._heard = time.monotonic()

    def look(self, cluster_started: float) -> bool:
        """Send the next one when it is time; False when no task has run for too long since the cluster's start."""
        now = time.monotonic()
        mark = self._read()
        if mark != self._mark or len(busy.workers(self.cluster)) >= self._workers:
            self._mark, self._heard = mark, now  # with all workers at work a canary has to wait
        if now - self._sent >= self._every:
            try:
                enqueue("kvmweb.serve.canary.sing", cluster=self.cluster)
            except DatabaseError:
                connection.close()
                self._heard = now  # the database is busy or away: silence says nothing about the cluster
            self._sent = now
        return now - max(self._heard, cluster_started) < self._silent

    def _read(self) -> float:
        try:
            return busy.pulse(self.cluster).stat().st_mtime
        except FileNotFoundError:
            return 0.0
