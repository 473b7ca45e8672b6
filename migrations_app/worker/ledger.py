"""Who works on a migration, and how its row changes: claim, fencing, conditional updates with their journal entry.

Every write of an owner carries its epoch. Whoever takes a migration over raises the epoch, so that a write of the old
owner, frozen and woken again, hits no row and raises LostClaim.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from kvmweb.journal import writer
from kvmweb.journal.models import Entry, Kind
from migrations_app.domain.lifecycle import TERMINAL, State, allowed
from migrations_app.models import Migration

log = logging.getLogger(__name__)
T = TypeVar("T")
#: a state change is retried this long when the database is locked or away; libvirt goes on meanwhile
PATIENCE_SECONDS = 600.0


class LostClaim(Exception):
    """Somebody else works on this migration now, or it has ended: stop, write nothing more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write to one migration."""

    pk: int
    owner: str
    epoch: int


def claim(
    pk: int,
    *,
    states: Iterable[State],
    become: State | None = None,
    text: str = "",
    also: Callable[[], dict[str, Any] | None] = dict,
) -> Claim | None:
    """Take a migration that is in one of `states`; None when it is not, or somebody else was first.

    `become` changes its state in the same step. `also` is asked inside the transaction for more to write; None from it
    leaves the migration where it is. The old owner must be known to be gone (see `end_owner`).
    """
    owner = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"
    with transaction.atomic():
        row = Migration.objects.filter(pk=pk, state__in=list(states)).only("epoch", "state").first()
        more = also() if row is not None else None
        if row is None or more is None:
            return None
        fields: dict[str, Any] = {
            **more,
            "owner": owner,
            "owner_machine": machine(),
            "owner_pid": os.getpid(),
            "owner_pid_started": pid_started(os.getpid()),
            "epoch": row.epoch + 1,
            "heartbeat": F("heartbeat") + 1,
        }
        if become is not None and row.state != become:
            fields |= {"state": become, "state_text": text, "state_since": timezone.now()}
        if not Migration.objects.filter(pk=pk, epoch=row.epoch, state=row.state).update(**fields):
            return None
        if become is not None and row.state != become:
            _tell(pk, become, text, {"owner": owner})
        return Claim(pk=pk, owner=owner, epoch=row.epoch + 1)


def release(held: Claim) -> None:
    """Let go without changing the state: whoever looks next may adopt at once."""
    Migration.objects.filter(pk=held.pk, epoch=held.epoch).update(owner="", owner_pid=None, owner_pid_started=None)


class HeldBack(Exception):
    """`unless` gave a reason not to change the state."""


def change_state(
    held: Claim, old: State, new: State, text: str = "", *, unless: Callable[[], str] | None = None, **fields: Any
) -> None:
    """Commit a state and its journal entry together; exactly one row must change. Retried when the database is locked.

    `unless` is asked inside the transaction; a reason raises HeldBack and nothing changes.
    """
    if not allowed(old, new):
        raise ValueError(f"{old} may not become {new}")
    now = timezone.now()
    if new in TERMINAL:
        fields |= {"finished_at": now, "owner": "", "owner_pid": None, "owner_pid_started": None}

    def write() -> None:
        with transaction.atomic():
            if unless is not None and (why := unless()):
                raise HeldBack(why)
            rows = Migration.objects.filter(pk=held.pk, epoch=held.epoch, state=old)
            if rows.update(state=new, state_text=text, state_since=now, **fields) != 1:
                raise LostClaim(f"migration {held.pk} is no longer {old} in epoch {held.epoch}")
            _tell(held.pk, new, text, {"owner": held.owner})

    patiently(write)


def update(held: Claim, **fields: Any) -> None:
    """Write facts of the record (not the state); open pages hear of new words. Retried; raises LostClaim."""

    def write() -> None:
        with transaction.atomic():
            if Migration.objects.filter(pk=held.pk, epoch=held.epoch).update(**fields) != 1:
                raise LostClaim(f"migration {held.pk} has another owner")
            if "state_text" in fields:
                writer.signal(writer.migration_topic(held.pk))

    patiently(write)


def note(held: Claim, text: str, **body: Any) -> None:
    """A sentence for the journal; a database error is logged and otherwise ignored."""
    try:
        writer.write(writer.migration_topic(held.pk), Kind.NOTE, text, body=body)
    except DatabaseError:
        log.warning("migration %s: could not write to the journal: %s", held.pk, text)


def note_once(held: Claim, text: str) -> None:
    """The same, unless the journal says so already."""
    try:
        if Entry.objects.filter(topic=writer.migration_topic(held.pk), text=text).exists():
            return
    except DatabaseError:
        return
    note(held, text)


def tick(held: Claim, progress: dict[str, Any]) -> None:
    """One progress row: a short write, dropped when the database is busy. Raises LostClaim."""
    progress = {**progress, "owner": held.owner, "updated_at": timezone.now().isoformat()}
    try:
        with short_wait(), transaction.atomic():
            if Migration.objects.filter(pk=held.pk, epoch=held.epoch).update(progress=progress) != 1:
                raise LostClaim(f"migration {held.pk} has another owner")
            writer.write(writer.migration_topic(held.pk), Kind.PROGRESS, body=progress)
    except DatabaseError as error:
        log.info("migration %s: a progress row was dropped: %s", held.pk, error)


def beat(held: Claim) -> None:
    """Move the heartbeat counter; raises LostClaim when somebody else took over."""
    with short_wait():
        if not Migration.objects.filter(pk=held.pk, epoch=held.epoch).update(heartbeat=F("heartbeat") + 1):
            raise LostClaim(f"migration {held.pk} has another owner")


def patiently(write: Callable[[], T]) -> T:
    """Run a database write until it succeeds: an error of the database must not end the watch over a moving guest."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    pause = 0.1
    while True:
        try:
            return write()
        except OperationalError as error:
            if time.monotonic() > give_up or connection.in_atomic_block:
                raise
            log.warning("database: %s; trying again", error)
            connection.close_if_unusable_or_obsolete()
            time.sleep(pause)
            pause = min(2.0, pause * 2)


def machine() -> str:
    """This machine and its boot: a pid means nothing on another machine or after a restart."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{socket.gethostname()[:60]} {boot}"


def pid_started(pid: int) -> int | None:
    """Clock ticks from boot to the start of this process; with the pid it names one process for ever."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])


def end_owner(migration: Migration) -> bool:
    """Make sure that the last owner does nothing more: kill it if it is a process of this machine.

    False when it lives on another machine, where we cannot know. A zombie counts as gone.
    """
    if not migration.owner or migration.owner_pid is None:
        return True
    (name, _, boot), (my_name, _, my_boot) = migration.owner_machine.rpartition(" "), machine().rpartition(" ")
    if boot != my_boot:
        return name == my_name  # it has rebooted since
    if migration.owner_pid == os.getpid() or pid_started(migration.owner_pid) != migration.owner_pid_started:
        return True
    log.warning("migration %s: ending its silent worker %s", migration.pk, migration.owner_pid)
    try:
        os.kill(migration.owner_pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    for _ in range(100):
        if _gone(migration.owner_pid, migration.owner_pid_started):
            return True
        time.sleep(0.02)
    return False


def _gone(pid: int, started: int | None) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z" or pid_started(pid) != started


def _tell(pk: int, state: State, text: str, body: dict[str, Any]) -> None:
    writer.write(writer.migration_topic(pk), Kind.STATE, text, body={"state": state, **body})
    writer.signal(writer.MIGRATIONS, migration=pk)


class short_wait:
    """On SQLite wait for the write lock only briefly: numbers that come late are worth nothing."""

    def __enter__(self) -> None:
        self._set(0.5)

    def __exit__(self, *_: object) -> None:
        self._set(None)

    @staticmethod
    def _set(seconds: float | None) -> None:
        """None: as long as this process waits for everything else."""
        if connection.vendor == "sqlite" and not connection.in_atomic_block:
            usual: float = connection.settings_dict["OPTIONS"]["timeout"]
            connection.ensure_connection()
            connection.connection.execute(f"PRAGMA busy_timeout={int((usual if seconds is None else seconds) * 1000)}")
