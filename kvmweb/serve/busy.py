"""What a cluster's workers are doing, in files: this must work while the database is busy.

`run/tasks-CLUSTER` is touched when a task begins and ends; `run/busy-CLUSTER/PID` exists while that worker runs one.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings

from kvmweb.serve import sessions

log = logging.getLogger(__name__)
_at_work = False


def pulse(cluster: str) -> Path:
    return _run() / f"tasks-{cluster}"


def workers(cluster: str) -> list[int]:
    """The pids of the workers that run a task now. Files of workers that were killed are removed."""
    found = []
    for file in _folder(cluster).iterdir():
        process = sessions.read(int(file.name))
        try:
            started = file.read_text()
        except FileNotFoundError:
            continue
        if process is not None and str(process.started) == started and process.state != "Z":
            found.append(process.pid)
        elif started:  # else it is just being written
            file.unlink(missing_ok=True)
    return found


def at_work() -> bool:
    """Whether this process, a worker, runs a task now."""
    return _at_work


def task_begins(*_: Any, **__: Any) -> None:
    """django-q's signal, in the worker. An error here would end the worker, and nothing here is worth that."""
    global _at_work
    _at_work = True
    cluster = _cluster_of_worker()
    process = sessions.read(os.getpid())
    try:
        if process is not None:
            (_folder(cluster) / str(process.pid)).write_text(str(process.started))
        pulse(cluster).touch()
    except OSError:
        log.warning("could not record that a task started", exc_info=True)


def task_ends(*_: Any, **__: Any) -> None:
    global _at_work
    _at_work = False
    cluster = _cluster_of_worker()
    with suppress(OSError):
        (_folder(cluster) / str(os.getpid())).unlink(missing_ok=True)
        pulse(cluster).touch()


def _cluster_of_worker() -> str:
    from django_q.conf import Conf

    return str(Conf.CLUSTER_NAME)


def _folder(cluster: str) -> Path:
    folder = _run() / f"busy-{cluster}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _run() -> Path:
    folder: Path = settings.KVMWEB.data_dir / "run"
    return folder
