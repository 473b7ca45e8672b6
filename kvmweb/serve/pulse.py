"""Heartbeats of processes that may hang: a file that the process touches; `serve` checks those of its children.

Not in the database: a busy database must not look like a process that hangs.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from django.conf import settings

log = logging.getLogger(__name__)
#: longer than a few waits for a locked database (20 s each)
SILENT_SECONDS = 90.0


def watcher() -> None:
    """The watcher's hook, about once a second in its main thread."""
    beat("watcher")


def beat(name: str) -> None:
    try:
        file(name).touch()
    except OSError:
        log.warning("%s could not write its heartbeat file", name, exc_info=True)


class Pulse:
    """The heartbeat of one child as `serve` sees it, by its own monotonic clock."""

    def __init__(self, name: str, *, silent: float) -> None:
        self._file = file(name)
        self._silent = silent
        self._mark = self._read()
        self._heard = time.monotonic()

    def alive(self, started: float) -> bool:
        """False when the child, running since `started`, has been silent for too long."""
        now, mark = time.monotonic(), self._read()
        if mark != self._mark:
            self._mark, self._heard = mark, now
        return now - max(self._heard, started) < self._silent

    def _read(self) -> int:
        try:
            return self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return 0


def age(beaten: Path) -> float | None:
    """Seconds since the heartbeat; None: there was none."""
    try:
        return time.time() - beaten.stat().st_mtime
    except FileNotFoundError:
        return None


def file(name: str) -> Path:
    folder: Path = settings.KVMWEB.data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / f"pulse-{name}"
