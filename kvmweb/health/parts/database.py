"""The database: which it is, its size, and how fast it answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import Error, connection

from kvmweb import alarm, database
from kvmweb.health.row import Row, State, graded
from kvmweb.journal.models import Entry
from kvmweb.ui.units import duration, size

_SLOW_MS = 200.0
_TOO_SLOW_MS = 2000.0
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def rows() -> Iterator[Row]:
    try:
        began = time.monotonic()
        Entry.objects.order_by("-id").values_list("id", flat=True).first()
        answered = (time.monotonic() - began) * 1000
        yield answers(answered, _bytes(), alarm.text())
    except Error as error:
        trouble = database.trouble(error)
        if trouble is None:
            raise
        yield Row("Database", State.BAD, trouble.sentence)


def answers(milliseconds: float, count: int, trouble: str) -> Row:
    """`trouble`: the storage alarm."""
    if trouble:
        return Row("Database", State.BAD, trouble)
    name = _NAMES.get(connection.vendor, connection.vendor)
    text = f"{name}, {size(count)}; it answers in {duration(max(1, milliseconds))}."
    return Row("Database", graded(milliseconds, warning=_SLOW_MS, bad=_TOO_SLOW_MS), text)


def _bytes() -> int:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    file = Path(settings.KVMWEB.data_dir / "kvmweb.sqlite3")
    files = (file, file.with_name(f"{file.name}-wal"))
    return sum(one.stat().st_size for one in files if one.exists())
