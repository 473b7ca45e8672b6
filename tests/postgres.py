"""A PostgreSQL server of the tests' own: in a folder of its own, on a unix socket, as a user that is not root.

It comes from this machine when PostgreSQL is installed here, else from the root file system of the lab's hosts.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from lab import roots

USER = "kvmweb"
READY_SECONDS = 30.0
_PROGRAMS = "usr/lib/postgresql"
#: binds the server's folder and the devices into a root that nobody writes to; both end with the process
_INTO_ROOT = 'mount --bind "$0" "$1/mnt" && mount --rbind /dev "$1/dev" && exec chroot "$@"'


@dataclass(frozen=True, slots=True)
class Postgres:
    """Programs below `root` (a chroot unless it is "/"), run as `uid` in `folder`."""

    root: Path
    programs: Path
    uid: int
    gid: int
    folder: Path

    @property
    def inside(self) -> Path:
        """The folder as the programs see it."""
        return self.folder if self.root == Path("/") else Path("/mnt")

    def command(self, program: str, *arguments: str) -> list[str]:
        """The command line; the process ends with the one that starts it."""
        line = [str(self.programs / program), *arguments]
        if os.getuid() == 0:
            person = ["--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups"]
            line = ["setpriv", *person, "--pdeathsig", "INT", *line]
        if self.root == Path("/"):
            return line
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _INTO_ROOT]
        return [*enter, str(self.folder), str(self.root), *line]


@contextmanager
def postgres() -> Iterator[str]:
    """A fresh, empty server; its address as KVMWEB_DATABASE_URL wants it."""
    folder = Path(tempfile.mkdtemp(prefix="kvmweb-postgres-"))
    try:
        server = _find(folder)
        os.chown(folder, server.uid, server.gid)
        data = str(server.inside / "data")
        _run(
            server.command(
                "initdb", "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D", data
            )
        )
        # nothing here outlives the tests, so nothing has to reach a disk
        options = ("listen_addresses=", f"unix_socket_directories={server.inside}", "fsync=off", "log_timezone=UTC")
        settings = [part for option in options for part in ("-c", option)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                server.command("postgres", "-D", data, *settings), stdout=log, stderr=log, cwd="/"
            )
        try:
            _wait(process, folder)
            yield f"postgresql://{USER}@localhost/kvmweb?host={quote(str(folder), safe='')}"
        finally:
            process.send_signal(signal.SIGINT)  # "fast": open sessions are ended
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find(folder: Path) -> Postgres:
    programs = newest(Path("/"))
    if programs is None:
        root = roots.ensure(roots.native_suite())
        programs = newest(root)
        assert programs is not None, f"there is no PostgreSQL in {root}"
        uid, gid = _person(root / "etc/passwd", "postgres")
        return Postgres(root=root, programs=programs, uid=uid, gid=gid, folder=folder)
    if os.getuid() != 0:
        return Postgres(root=Path("/"), programs=programs, uid=os.getuid(), gid=os.getgid(), folder=folder)
    nobody = pwd.getpwnam("nobody")
    return Postgres(root=Path("/"), programs=programs, uid=nobody.pw_uid, gid=nobody.pw_gid, folder=folder)


def newest(root: Path) -> Path | None:
    """The folder with the newest release's programs, as seen from inside the root."""
    found = [file.parent for file in (root / _PROGRAMS).glob("*/bin/initdb") if file.parts[-3].isdecimal()]
    found.sort(key=lambda programs: int(programs.parent.name))
    return Path("/") / found[-1].relative_to(root) if found else None


def _person(passwd: Path, name: str) -> tuple[int, int]:
    fields = next(line.split(":") for line in passwd.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(fields[2]), int(fields[3])


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"


def _wait(process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            psycopg.connect(host=str(folder), user=USER, dbname="postgres", connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            log = (folder / "log").read_text(errors="replace")
            assert process.poll() is None, f"PostgreSQL did not start: {log}"
            assert time.monotonic() < until, f"PostgreSQL does not answer: {error} {log}"
            time.sleep(0.1)
