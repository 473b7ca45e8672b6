"""Tasks for the tests of serve, run by real workers."""

from __future__ import annotations

import time
from pathlib import Path

from django.db import connection

from kvmweb.queue import Detached


def touch(path: str) -> None:
    Path(path).touch()


def sleep(folder: str) -> None:
    """Sleeps until it gets a signal."""
    (Path(folder) / "began").touch()
    try:
        time.sleep(120)
    except Detached:
        (Path(folder) / "detached").touch()
        raise


def patience(path: str) -> None:
    """How many seconds a worker waits for a locked database."""
    Path(path).write_text(str(connection.settings_dict["OPTIONS"]["timeout"]))
