"""A real serve for the tests of serve, with shorter canary times."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

from kvmweb.config import BASE_DIR
from kvmweb.serve.children import die_with_parent
from kvmweb.serve.sessions import members, new_environment, read

CANARY_EVERY, CANARY_SILENT, PULSE_SILENT = 1.0, 12.0, 12.0
_SETUP = "import django; django.setup(); "
_RUN = (
    "from django.conf import settings; from kvmweb.serve.supervisor import Supervisor; "
    "Supervisor(host='127.0.0.1', port={port}, data_dir=settings.KVMWEB.data_dir,"
    f" canary_every={CANARY_EVERY}, canary_silent={CANARY_SILENT}, pulse_silent={PULSE_SILENT}).run()"
)
NAMES = {"web": "web", "watch": "watcher", "kvmweb": "tasks (kvmweb)", "migrations": "tasks (migrations)"}


class Served:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = spare_port()
        plain = {name: value for name, value in os.environ.items() if not name.startswith("KVMWEB_")}
        self.environment = plain | {
            "KVMWEB_DATA_DIR": str(folder),
            "KVMWEB_CONFIG_FILE": os.environ["KVMWEB_CONFIG_FILE"],
            "DJANGO_SETTINGS_MODULE": "kvmweb.settings",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *command: str) -> None:
        """The supervisor alone, or this."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *(command or ("-c", _SETUP + _RUN.format(port=self.port)))],
                cwd=BASE_DIR,
                env=self.environment | ({} if command else new_environment()),
                stdout=log,
                stderr=log,
                preexec_fn=partial(die_with_parent, os.getpid()),  # also when the tests are killed
            )
        self.wait_until_well()

    def stop(self) -> float:
        """Returns the seconds that it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        return time.monotonic() - began

    def manage(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self._run([sys.executable, "manage.py", *command], environment)

    def enqueue(self, function: str, argument: Path, cluster: str) -> None:
        code = f"from kvmweb.queue import enqueue; enqueue({function!r}, {str(argument)!r}, cluster={cluster!r})"
        done = self._run([sys.executable, "-c", _SETUP + code], {})
        assert done.returncode == 0, done.stderr

    def _run(self, command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=BASE_DIR,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    # --- processes ------------------------------------------------------------------------------------------------

    def everything(self) -> list[int]:
        """All processes with this data folder but serve itself, also orphans."""
        mark = f"KVMWEB_DATA_DIR={self.folder}"
        mine = self.process.pid if self.process else 0
        return [pid for pid in _pids() if pid != mine and mark in _environment(pid) and _lives(pid)]

    def pid(self, name: str) -> int:
        """The main process of a child, which leads a session. AssertionError when there is none.

        Never 0: `kill(0)` would end the tests and whoever started them, and session 0 is the kernel's.
        """
        pid = self.found(name)
        assert pid is not None, f"there is no process of {name}:\n{self._table()}\n{self.tail()}"
        return pid

    def found(self, name: str) -> int | None:
        """As `pid`; None when there is none."""
        for pid in self.everything():
            process = read(pid)
            if process is not None and process.session == pid and f"kvmweb: {NAMES[name]}" in _command(pid):
                return pid
        return None

    def wait_for_another(self, name: str, before: int, seconds: float) -> None:
        """Until another process than `before` is the child."""
        wait(lambda: self.found(name) not in (None, before), seconds, self.tail)

    def _table(self) -> str:
        return "\n".join(f"{pid} {read(pid)} {_command(pid)[0]}" for pid in self.everything())

    def session(self, name: str) -> list[int]:
        return [process.pid for process in members(self.pid(name))]

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def pulse(self, cluster: str) -> float:
        """When a worker of this cluster last began or ended a task."""
        try:
            return (self.folder / "run" / f"tasks-{cluster}").stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def wait_until_well(self) -> None:
        since = time.time()
        wait(self.answers, 40, self.tail)
        for cluster in ("kvmweb", "migrations"):
            wait(lambda cluster=cluster: self.pulse(cluster) > since, 60, self.tail)  # type: ignore[misc]
        wait(lambda: all(self.found(name) for name in NAMES), 20, self.tail)

    def tail(self) -> str:
        return (self.folder / "log").read_text()[-3000:]


def wait(true: Callable[[], bool], seconds: float, tell: Callable[[], str] = lambda: "") -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, tell()
        time.sleep(0.05)


def spare_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _lives(pid: int) -> bool:
    process = read(pid)
    return process is not None and process.state != "Z"


def _environment(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")
    except OSError:
        return []


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return []
