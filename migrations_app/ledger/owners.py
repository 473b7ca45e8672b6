"""Which process works on a migration, and making sure that it works no more."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from pathlib import Path

from migrations_app.models import Migration

log = logging.getLogger(__name__)


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
