"""The door to the task queue. A task's argument is a primary key and nothing else: the row is the truth.

`detach` handling: a worker that gets SIGTERM raises Detached in the task it runs, so that a watch over a moving guest
lets go of its claim and the next process adopts it. libvirt goes on meanwhile.
"""

from __future__ import annotations

import ctypes
import os
import signal
from types import FrameType

_PR_SET_PDEATHSIG = 1


class Detached(SystemExit):
    """This worker is being stopped: put down what you hold and leave. Past every `except Exception`, as SystemExit."""


def enqueue(function: str, *args: int | str, cluster: str = "kvmweb") -> None:
    """Queue a task inside the caller's transaction: the queue is a table, so it is seen when the change is."""
    from django_q.tasks import async_task

    # save=False: the outcome is in our own rows, a success table would only grow
    options = {"save": False} if cluster == "kvmweb" else {"save": False, "cluster": cluster}
    async_task(function, *args, q_options=options)


def in_worker(*_: object, **__: object) -> None:
    """django-q's post_spawn signal, in each child of a cluster: die with the parent, detach on SIGTERM."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.signal(signal.SIGTERM, _detach)
    if os.getppid() != parent:  # it died between the two lines above
        os.kill(os.getpid(), signal.SIGTERM)


def _detach(_signal: int, _frame: FrameType | None) -> None:
    raise Detached(0)
