"""One look at everything that kvmweb needs to work. What cannot be seen is unknown, never well."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.models import Min
from django.utils import timezone
from django_q.models import OrmQ

from hosts.models import Host
from hosts.reading.hosts import unwell
from kvmweb import database
from kvmweb.backup import last_made
from kvmweb.journal import tail
from kvmweb.serve import busy, pulse, sessions
from kvmweb.serve.record import Served, read
from kvmweb.ui.badge import Badge
from kvmweb.ui.units import size

#: seconds that a task may wait for a worker
_LONG_WAIT = 30
_SLOW_DATABASE_MS = 500
_LITTLE_SPACE = 2**30
_OLD_BACKUP_DAYS = 7
_BEHIND = 100
CLUSTERS = {"kvmweb": "Queue of short tasks", "migrations": "Queue of migrations"}


class Level(StrEnum):
    """The worst first."""

    PROBLEM = "problem"
    WARNING = "warning"
    UNKNOWN = "unknown"
    OK = "ok"

    @property
    def badge(self) -> Badge:
        return _BADGES[self]


_BADGES = {
    Level.PROBLEM: Badge("Problem", "red", "alert-triangle"),
    Level.WARNING: Badge("Warning", "amber", "alert-triangle"),
    Level.UNKNOWN: Badge("Unknown", "grey", "question-mark"),
    Level.OK: Badge("OK", "green", "circle-check"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """`name` is for programs, `title` for people; `values`: the numbers behind `text`."""

    name: str
    title: str
    state: Level
    text: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    checked_at: datetime
    signs: tuple[Sign, ...]

    @property
    def state(self) -> Level:
        return min((sign.state for sign in self.signs), key=list(Level).index)


def look(user: Any) -> Health:
    """`user`: who sees the hosts that are named."""
    return Health(checked_at=timezone.now(), signs=tuple(_signs(user)))


def _signs(user: Any) -> Iterator[Sign]:
    served = read()
    yield from _processes(served)
    for name, title in CLUSTERS.items():
        yield _seen(f"queue-{name}", title, lambda name=name: _queue(name))  # type: ignore[misc]
    yield _seen("journal", "Journal", _journal)
    yield _seen("database", "Database", _database)
    yield _disk()
    yield _seen("hosts", "Hosts", lambda: _hosts(user))
    yield _backup()


def _seen(name: str, title: str, ask: Callable[[], tuple[Level, str, dict[str, Any]]]) -> Sign:
    """What asks the database: an error is a sign too."""
    try:
        state, text, values = ask()
    except Error as error:
        trouble = database.trouble(error)
        state, values = Level.PROBLEM, {}
        text = trouble.sentence if trouble else "The database refused this question. The cause is in kvmweb's log."
    return Sign(name=name, title=title, state=state, text=text, values=values)


def _processes(served: Served | None) -> Iterator[Sign]:
    if served is None:
        text = "kvmweb was not started with “serve”, or its record cannot be read. Nobody restarts processes that end."
        yield Sign(name="processes", title="Processes", state=Level.UNKNOWN, text=text)
        return
    for child in served.children:
        values = {"pid": child.pid, "started": child.started, "restarts": child.restarts}
        process = sessions.read(child.pid) if child.pid else None
        heard = _heard(child.name)
        if process is None or process.started != child.ticks or process.state == "Z":
            state, text = Level.PROBLEM, "It does not run. “serve” starts it again, if that runs itself."
        elif heard is None:
            state, text = Level.UNKNOWN, f"Process {child.pid} runs, but has given no sign of life yet."
        elif heard > pulse.SILENT_SECONDS:
            state, text = Level.PROBLEM, f"Process {child.pid} has given no sign of life for {heard:.0f} s."
        elif child.restarts:
            times = "once" if child.restarts == 1 else f"{child.restarts} times"
            state = Level.WARNING
            text = f"Process {child.pid} works. It was started again {times} since kvmweb started."
        else:
            state, text = Level.OK, f"Process {child.pid} works."
        slug = child.name.replace("tasks (", "tasks-").rstrip(")")
        title = f"Process {child.name}" if child.name != "watcher" else "Watcher"
        yield Sign(name=f"process-{slug}", title=title, state=state, text=text, values={**values, "silent_s": heard})


def _heard(name: str) -> float | None:
    """Seconds since the last sign of life; None: there was none."""
    cluster = name.removeprefix("tasks (").rstrip(")")
    file = busy.pulse(cluster) if cluster in CLUSTERS else pulse.file_of(name)
    try:
        return round(max(0.0, time.time() - file.stat().st_mtime), 1)
    except OSError:
        return None


def _queue(cluster: str) -> tuple[Level, str, dict[str, Any]]:
    """A task's `lock` is when it was queued, until a cluster takes it."""
    now = timezone.now()
    waiting = OrmQ.objects.filter(key=cluster, lock__lte=now)
    count, since = waiting.count(), waiting.aggregate(oldest=Min("lock"))["oldest"]
    age = round((now - since).total_seconds(), 1) if since else 0.0
    values = {"waiting": count, "oldest_s": age}
    if not count:
        return Level.OK, "No task waits.", values
    text = f"{count} task{'' if count == 1 else 's'} waiting, the oldest for {age:.0f} s."
    return (Level.WARNING if age > _LONG_WAIT else Level.OK), text, values


def _journal() -> tuple[Level, str, dict[str, Any]]:
    behind = tail.behind()
    if behind is None:
        return Level.UNKNOWN, "This process does not follow the journal.", {"behind": None}
    if behind > _BEHIND:
        return Level.WARNING, f"Pages are {behind} entries behind the journal.", {"behind": behind}
    return Level.OK, "Pages follow the journal.", {"behind": behind}


def _database() -> tuple[Level, str, dict[str, Any]]:
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
        took = round((time.perf_counter() - started) * 1000, 1)
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        stored = int(cursor.fetchone()[0])
    kind = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(connection.vendor, connection.vendor)
    state = Level.WARNING if took > _SLOW_DATABASE_MS else Level.OK
    values = {"kind": connection.vendor, "bytes": stored, "round_trip_ms": took}
    return state, f"{kind}, {size(stored)}; it answers in {took:.1f} ms.", values


def _disk() -> Sign:
    name, title = "disk", "Disk of the data folder"
    try:
        disk = shutil.disk_usage(settings.KVMWEB.data_dir)
    except OSError as error:
        return Sign(name=name, title=title, state=Level.PROBLEM, text=f"It cannot be read: {error.strerror}.")
    state = Level.OK if disk.free >= _LITTLE_SPACE else Level.WARNING
    if disk.free < database.LEAST_FREE_BYTES:
        state = Level.PROBLEM
    values = {"free_bytes": disk.free, "total_bytes": disk.total}
    return Sign(
        name=name, title=title, state=state, text=f"{size(disk.free)} free of {size(disk.total)}.", values=values
    )


def _hosts(user: Any) -> tuple[Level, str, dict[str, Any]]:
    count, bad = Host.objects.visible_to(user).count(), [host.name for host in unwell(user)]
    never = Host.objects.visible_to(user).filter(contact=Host.Contact.NEVER).count()
    values = {"count": count, "unwell": bad, "not_contacted": never}
    if bad:
        return Level.WARNING, f"{len(bad)} of {count} hosts need a look: {', '.join(bad)}.", values
    if never:
        return Level.UNKNOWN, f"{never} of {count} hosts: not contacted yet.", values
    return Level.OK, f"All {count} hosts are connected." if count else "No hosts are registered.", values


def _backup() -> Sign:
    made = last_made()
    name, title = "backup", "Last backup"
    if made is None:
        text = "kvmweb does not know of a backup of this installation. It knows those that “manage.py backup” makes."
        return Sign(name=name, title=title, state=Level.UNKNOWN, text=text, values={"made": None})
    days = (timezone.now() - made).days
    when = "less than a day ago" if days < 1 else f"{days} day{'' if days == 1 else 's'} ago"
    state = Level.WARNING if days > _OLD_BACKUP_DAYS else Level.OK
    return Sign(name=name, title=title, state=state, text=f"Made {when}.", values={"made": made.isoformat()})
