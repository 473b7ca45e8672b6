"""How the watcher writes: short transactions, repeated while the database is busy, nothing old over new."""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar, cast

from django.db import InterfaceError, OperationalError, connection, models, transaction
from django.utils import timezone

from hosts.facts.text import clean
from hosts.models import Host

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

#: seconds a write is tried again before the error is passed on
PATIENCE = 30.0


def patiently(function: Callable[P, R]) -> Callable[P, R]:
    """Run in one transaction; again while the database is locked, restarting or found a deadlock."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        give_up = time.monotonic() + PATIENCE
        pause = 0.05
        while True:
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except (OperationalError, InterfaceError):
                if connection.in_atomic_block or time.monotonic() > give_up:
                    raise
                connection.close()
                time.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, 1.0)

    return run


def locked_host(pk: int) -> Host | None:
    """The host's row, locked until the transaction ends: its facts have one writer at a time."""
    return Host.objects.select_for_update().filter(pk=pk).first()


def outdated(started: datetime, seen_at: datetime | None) -> bool:
    """Whether a read that started at `started` must not overwrite what was seen at `seen_at`.

    A stamp from the future is a clock that was set back since; it must not lock the host out until then.
    """
    return seen_at is not None and started < seen_at <= timezone.now() + timedelta(seconds=1)


def fit(model: type[models.Model], column: str, text: str) -> str:
    return clean(text, cast("models.CharField[str, str]", model._meta.get_field(column)).max_length)


def assign(row: models.Model, values: dict[str, object]) -> list[str]:
    """Set the attributes that differ; the names of those, to be saved."""
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    return changed
