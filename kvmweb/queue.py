"""The only way to the task queue. A task's arguments are a primary key and, at most, what was read from the row: the
row itself decides.

A worker that gets SIGTERM raises Detached in the task it runs, so that the watch of a migration releases its claim and
the next process adopts it. libvirt continues meanwhile.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from datetime import timedelta
from types import FrameType

from django.utils import timezone

from kvmweb.serve import busy

_PR_SET_PDEATHSIG = 1
#: how long the output of failed tasks is kept; that of others is not kept
FAILURES_KEPT = timedelta(days=7)
_SWEEP_SECONDS = 3600.0
_swept = float("-inf")
_parent = 0


class Detached(SystemExit):
    """This worker is being stopped: release everything and end. A SystemExit, so no `except Exception` catches it."""


def enqueue(function: str, *args: int | str, cluster: str = "kvmweb") -> None:
    """Queue a task inside the caller's transaction: the queue is a table, so it is seen when the change is."""
    from django_q.tasks import async_task

    # save=False: the outcome is in our own rows, a success table would only grow.
    # The cluster is always named: django-q's default is the one that the caller happens to run in.
    async_task(function, *args, q_options={"save": False, "cluster": cluster})


def in_worker(*_: object, **__: object) -> None:
    """django-q's post_spawn signal, in each worker of a cluster: die with the parent, detach on SIGTERM."""
    global _parent
    _parent = os.getppid()
    signal.signal(signal.SIGTERM, _detach)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # a user's first migration should not wait for libvirt to be loaded; after the fork, as libvirt wants it
    from hosts.gateway import warm_up

    warm_up()


def _detach(_signal: int, _frame: FrameType | None) -> None:
    """Once: a second signal must not interrupt the release. An idle worker stays unless its parent is gone: ending
    while it reads the cluster's pipe would block the others."""
    if not busy.at_work() and os.getppid() == _parent:
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Detached(0)


def sweep() -> None:
    """The watcher's hook: deletes old failed tasks and expired sessions, which django-q and Django keep for ever."""
    global _swept
    from django.contrib.sessions.models import Session
    from django_q.models import Task

    if time.monotonic() - _swept >= _SWEEP_SECONDS:
        _swept = time.monotonic()
        Task.objects.filter(stopped__lt=timezone.now() - FAILURES_KEPT).delete()
        Session.objects.filter(expire_date__lt=timezone.now()).delete()
