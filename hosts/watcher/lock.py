"""One watcher per data folder: the second waits until the first has ended."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)


@contextmanager
def only_one(folder: Path, *, wait: Callable[[float], bool]) -> Iterator[bool]:
    """Yields True with the lock held; False when `wait(seconds)` returned True (asked to stop) before.

    The kernel gives the lock back however the process ends.
    """
    with (folder / "watcher.lock").open("a") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    logger.warning("another watcher runs with %s; waiting for its end", folder)
                    told = True
                if wait(0.2):
                    yield False
                    return
        yield True
