"""How the watcher writes: short transactions, repeated while the database is busy, nothing old over new."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar, cast

from django.db import models, transaction
from django.utils import timezone

from hosts.facts.text import clean
from hosts.models import Host
from kvmweb.database import patiently

P = ParamSpec("P")
R = TypeVar("R")


def stored(function: Callable[P, R]) -> Callable[P, R]:
    """Run in one transaction, tried again for 30 s before an error of the database is passed on."""
    return patiently(seconds=30.0)(transaction.atomic(function))


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
