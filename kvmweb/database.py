"""A database that is busy, full or not reachable: what to say, how long to wait, and writes that may be skipped."""

from __future__ import annotations

import functools
import logging
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection, transaction

if TYPE_CHECKING:
    from django.db.models import Model

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")
#: with less than this free a disk counts as full: SQLite's log beside the database needs room before the database does
LEAST_FREE_BYTES = 8 * 2**20
_BEST_EFFORT_MS = 100


class Trouble(StrEnum):
    BUSY = "busy"
    FULL = "full"
    AWAY = "away"

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]

    @property
    def retry_after(self) -> int:
        """Seconds."""
        return _RETRY_AFTER[self]


_SENTENCES = {
    Trouble.BUSY: "kvmweb's database is busy: another process is writing to it.",
    Trouble.FULL: "kvmweb cannot store anything: the disk of its database is full.",
    Trouble.AWAY: "kvmweb cannot reach its database, or has no permission to write to it.",
}
_RETRY_AFTER = {Trouble.BUSY: 5, Trouble.FULL: 60, Trouble.AWAY: 15}
_SQLITE = {
    sqlite3.SQLITE_BUSY: Trouble.BUSY,
    sqlite3.SQLITE_LOCKED: Trouble.BUSY,
    sqlite3.SQLITE_PROTOCOL: Trouble.BUSY,
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_IOERR: Trouble.AWAY,
    sqlite3.SQLITE_CANTOPEN: Trouble.AWAY,
    sqlite3.SQLITE_READONLY: Trouble.AWAY,
    sqlite3.SQLITE_PERM: Trouble.AWAY,
}
#: the beginnings of PostgreSQL's codes, the longer ones first
_POSTGRESQL = {
    "53100": Trouble.FULL,
    "53": Trouble.BUSY,  # out of connections, of memory
    "55P03": Trouble.BUSY,  # a lock
    "57014": Trouble.BUSY,  # a deadline
    "40": Trouble.BUSY,  # a deadlock
    "57P": Trouble.AWAY,
    "08": Trouble.AWAY,
    "25006": Trouble.AWAY,  # read-only
    "42501": Trouble.AWAY,  # a table of another role
}


def trouble(error: BaseException | None) -> Trouble | None:
    """What is wrong with the database itself; None for every other error."""
    while error is not None:
        if isinstance(error, sqlite3.Error):
            found = _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
            # a full disk has many names: the files beside the database cannot grow, or cannot be made
            return Trouble.FULL if found is Trouble.AWAY and free_bytes() < LEAST_FREE_BYTES else found
        code = getattr(error, "sqlstate", None)
        if isinstance(code, str):
            return next((found for start, found in _POSTGRESQL.items() if code.startswith(start)), None)
        if error.__cause__ is None and connection.vendor == "postgresql" and _lost(error):
            return Trouble.AWAY
        error = error.__cause__
    return None


def _lost(error: BaseException) -> bool:
    """psycopg has no code for a server that is not reachable."""
    import psycopg

    return isinstance(error, InterfaceError | psycopg.OperationalError | psycopg.InterfaceError)


def free_bytes() -> int:
    """Free bytes where kvmweb keeps its data, for a user without privileges."""
    try:
        disk = os.statvfs(settings.KVMWEB.data_dir)
    except OSError:
        return 0
    return disk.f_bavail * disk.f_frsize


def impatient(*, seconds: int) -> Callable[[], None]:
    """For a process that must stay responsive: new connections wait this long for a lock, instead of 20 s. Returns what
    undoes it, for a process that is forked from this one."""
    options = connection.settings_dict["OPTIONS"]  # one object for all threads
    before = dict(options)

    def patient() -> None:
        options.clear()
        options.update(before)

    if connection.vendor == "sqlite":
        options["timeout"] = seconds
    else:
        options |= {"connect_timeout": 2, "options": f"-c statement_timeout={seconds * 1000}"}
    return patient


def patiently(*, seconds: float) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Retry for this long while the database is locked, not reachable or restarting, or after a deadlock."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            give_up = time.monotonic() + seconds
            pause = 0.05
            while True:
                try:
                    return function(*args, **kwargs)
                except (OperationalError, InterfaceError) as error:
                    if connection.in_atomic_block or time.monotonic() > give_up:
                        raise
                    log.warning("database: %s; trying again", error)
                    connection.close()
                    time.sleep(pause * random.uniform(0.5, 1.0))
                    pause = min(pause * 2, 1.0)

        return run

    return decorate


def alone(model: type[Model]) -> None:
    """Until the end of the transaction nobody else writes rows of this kind, nor comes past here. On SQLite that is so
    for every transaction (IMMEDIATE)."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {connection.ops.quote_name(model._meta.db_table)} IN SHARE ROW EXCLUSIVE MODE")


@contextmanager
def best_effort(what: str = "") -> Iterator[None]:
    """Around one write that may be skipped when the database is in trouble; the log then says `what` is missing."""
    from kvmweb import alarm

    try:
        with hurried(milliseconds=_BEST_EFFORT_MS):
            yield
    except Error as error:
        found = trouble(error)
        if found is None:
            raise
        alarm.notice(found)
        if what:
            log.warning("Not stored: %s (%s)", what, found.sentence)


@contextmanager
def hurried(*, milliseconds: int) -> Iterator[None]:
    """Writes in here wait only this long for a lock."""
    if connection.vendor != "sqlite":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {milliseconds}")
            yield
        return
    connection.ensure_connection()
    usual = int(connection.settings_dict["OPTIONS"]["timeout"] * 1000)
    raw = connection.connection
    raw.execute(f"PRAGMA busy_timeout = {milliseconds}")
    try:
        yield
    finally:
        with suppress(sqlite3.Error):
            raw.execute(f"PRAGMA busy_timeout = {usual}")
