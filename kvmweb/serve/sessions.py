"""Process sessions: each child of serve leads one, and what it forks stays in it, so leftovers can be found."""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)
#: in the environment that serve was started with, and so its children's, with a random value: identifies leftovers
MARK = "SERVED_BY"


@dataclass(frozen=True, slots=True)
class Process:
    """A line of /proc/PID/stat. `started` is in clock ticks since boot; with the pid it identifies one process."""

    pid: int
    state: str
    session: int
    started: int


def read(pid: int) -> Process | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return Process(pid=pid, state=fields[0], session=int(fields[3]), started=int(fields[19]))


def members(session: int) -> list[Process]:
    """The living processes of a session."""
    found = (read(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [process for process in found if process and process.session == session and process.state != "Z"]


def end_session(session: int, only: Callable[[Process], bool] = lambda process: True) -> bool:
    """SIGKILL the session's processes (those that `only` picks) until none is left; False when there was none."""
    found = False
    for _ in range(50):
        here = [process for process in members(session) if only(process)]
        if not here:
            break
        found = True
        for process in here:
            tell(process.pid, signal.SIGKILL)
        time.sleep(0.05)
    return found


def tell(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def new_environment() -> dict[str, str]:
    """What serve is to have in its environment; the system shows it as it was when the process was started.

    SPT_NOENV: a process that changes its title leaves it readable. MALLOC_ARENA_MAX: short threads, one for each call
    of libvirt, would each leave memory behind.
    """
    return {MARK: secrets.token_hex(16), "SPT_NOENV": "1", "MALLOC_ARENA_MAX": "2"}


class Register:
    """A file with the sessions that serve has started: after a kill -9, the next serve ends what is left of them."""

    def __init__(self, file: Path, mark: str) -> None:
        self._file = file
        self._boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self._sessions: dict[str, int] = {}
        self._mark = mark

    def add(self, pid: int) -> None:
        process = read(pid)
        if process is not None:
            self._sessions[str(pid)] = process.started
            self._write()

    def remove(self, pid: int) -> None:
        self._sessions.pop(str(pid), None)
        self._write()

    def end_leftovers(self) -> int:
        """End what an earlier serve has left; returns the number of its sessions that still existed.

        Session numbers are reused: the session's leader must be the one that was started (by its start time), or have
        ended; and every process must carry the earlier serve's mark.
        """
        try:
            record = json.loads(self._file.read_text())
            sessions, mark = record["sessions"], f"{MARK}={record['mark']}".encode()
        except (OSError, ValueError, KeyError, TypeError):
            return 0
        ended = 0
        if record["boot"] == self._boot:
            for pid, started in sessions.items():
                leader = read(int(pid))
                if leader is None or leader.started == started:
                    ended += end_session(int(pid), only=lambda process: _carries(process, mark))
        self._write()
        return ended

    def _write(self) -> None:
        """A full disk is no reason to stop; the next serve may then miss leftovers."""
        draft = self._file.with_suffix(".new")
        try:
            draft.write_text(json.dumps({"boot": self._boot, "mark": self._mark, "sessions": self._sessions}))
            draft.replace(self._file)
        except OSError as error:
            log.error("the list of processes could not be written: %s", error)


def _carries(process: Process, mark: bytes) -> bool:
    try:
        return mark in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
