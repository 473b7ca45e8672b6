"""Process sessions: each child of serve leads one, and whatever it forks stays in it. That is how leftovers are found."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A line of /proc/PID/stat. `started` is in clock ticks since boot; with the pid it names one process for ever."""

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


def end_session(session: int) -> None:
    """SIGKILL every process of the session, until none is left."""
    for _ in range(50):
        here = members(session)
        if not here:
            return
        for process in here:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


class Register:
    """A file with the sessions this data folder's serve has started, so that the next one can end what a kill -9 left."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self._sessions: dict[str, int] = {}

    def add(self, pid: int) -> None:
        process = read(pid)
        if process is not None:
            self._sessions[str(pid)] = process.started
            self._write()

    def remove(self, pid: int) -> None:
        self._sessions.pop(str(pid), None)
        self._write()

    def end_leftovers(self) -> int:
        """End the sessions of an earlier serve. A pid that was given to somebody else since is left alone: a session's
        number is not given out again while a process is in it, and a new leader has another start time."""
        try:
            record = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return 0
        ended = 0
        if record.get("boot") == self._boot:
            for pid, started in record.get("sessions", {}).items():
                leader = read(int(pid))
                if leader is not None and leader.started != started:
                    continue
                if members(int(pid)):
                    end_session(int(pid))
                    ended += 1
        self._write()
        return ended

    def _write(self) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps({"boot": self._boot, "sessions": self._sessions}))
        draft.replace(self._file)
