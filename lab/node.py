"""A node: one machine of the lab, which is a PID 1 with namespaces of its own.

Everything of a node lives in those namespaces and nowhere else (no named network namespace, no mount on the machine),
so killing PID 1 takes all of it away: processes, mounts, links.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.paths import CODE
from lab.run import CommandFailed, LabError, NodeGone, plain_environment, run, tool


@dataclass(frozen=True)
class NodeFile:
    """A file that only this node has. `owner` is the uid, also used as gid."""

    path: str
    text: str
    mode: int = 0o644
    owner: int = 0


@dataclass(frozen=True)
class NodePlan:
    """What a node is made from. `binds` are (source on the machine, target in the node, read only)."""

    prefix: str
    name: str
    root: Path
    folder: Path
    files: list[NodeFile] = field(default_factory=list)
    binds: list[tuple[Path, str, bool]] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Process:
    """A process named so that its successor with the same pid is not mistaken for it."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Whether anything of it is left. A killed node stays for as long as its last process takes to end."""
        return stat_of(self.pid) in (("", self.started), ("ending", self.started))

    def runs(self) -> bool:
        """Whether it can be asked: it is alive, and nothing has killed it."""
        return stat_of(self.pid) == ("", self.started)


_PF_EXITING = 0x4


def stat_of(pid: int) -> tuple[str, int] | None:
    """("", "ending" or "Z", start time in clock ticks since boot) of a process; None when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    killed = int(fields[28]) & 1 << (signal.SIGKILL - 1)
    state = "Z" if fields[0] in "ZX" else "ending" if killed or int(fields[6]) & _PF_EXITING else ""
    return state, int(fields[19])


def marker(prefix: str, name: str) -> str:
    """The argument by which a node's PID 1 is found even if every file about it is lost."""
    return f"kvmweb-lab:{prefix}:{name}"


def start(plan: NodePlan) -> Process:
    """Start the node's PID 1. Its network namespace has only a loopback link that is down."""
    if any(character in str(path) for path in (plan.root, plan.folder) for character in ":,\\"):
        raise LabError(f"overlayfs cannot use a path with ':', ',' or a backslash: {plan.root}, {plan.folder}")
    mountpoint = plan.folder / "mountpoint"
    mountpoint.mkdir(parents=True, exist_ok=True)
    layers = plan.folder / "layers"
    layers.mkdir(exist_ok=True)
    config: dict[str, Any] = {
        "root": str(plan.root),
        "folder": str(layers),
        "mountpoint": str(mountpoint),
        "hostname": plan.name,
        "log": str(plan.folder / "init.log"),
        "files": [vars(file) for file in plan.files],
        "binds": [[str(source), target, read_only] for source, target, read_only in plan.binds],
        "folders": plan.folders,
    }
    file = plan.folder / "init.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(config))
    command = [sys.executable or "/usr/bin/python3", "-I", "-S", str(CODE / "init.py")]
    pid = int(run([*command, marker(plan.prefix, plan.name), str(file)], environment=plain_environment()))
    found = stat_of(pid)
    if found is None:
        raise LabError(f"node {plan.name} ended at once, see {plan.folder / 'init.log'}")
    return Process(pid, found[1])


def find(prefix: str) -> dict[str, Process]:
    """Name -> PID 1 of all nodes of this lab that run, whatever the state file says."""
    wanted = marker(prefix, "").encode()
    found = {}
    for pid in _pids():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if len(words) > 4 and words[3].endswith(b"/lab/init.py") and words[4].startswith(wanted):
            stat = stat_of(pid)
            if stat is not None and stat[0] != "Z":
                found[words[4].removeprefix(wanted).decode()] = Process(pid, stat[1])
    return found


def kill(processes: list[Process], *, timeout: float = 60) -> None:
    """Kill these PID 1s, and with each the whole node; return when nothing of them is left."""
    for process in processes:
        if process.alive():
            send(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + timeout
    while alive := [process.pid for process in processes if process.alive()]:
        if time.monotonic() > deadline:
            raise LabError(f"processes {alive} do not end")
        time.sleep(0.02)


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process that may just have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def run_in(
    process: Process,
    command: list[str],
    *,
    stdin: str | None = None,
    timeout: float = 60,
    check: bool = True,
    network_only: bool = False,
) -> str:
    """`run` inside a node. NodeGone when the node ends meanwhile: what the command said may be about that."""
    environment = None if network_only else plain_environment()
    line = enter(process, command, network_only=network_only)
    try:
        said = run(line, stdin=stdin, timeout=timeout, check=check, environment=environment)
    except CommandFailed:
        if process.runs():
            raise
    else:
        if process.runs():
            return said
    raise NodeGone(process.pid)


def enter(process: Process, command: list[str], *, network_only: bool = False) -> list[str]:
    """The command line that runs `command` inside a node (`network_only`: the machine's programs in its network)."""
    if not process.runs():
        raise NodeGone(process.pid)
    kinds = ["--net"] if network_only else ["--mount", "--uts", "--ipc", "--net", "--pid"]
    return [tool("nsenter"), "--target", str(process.pid), *kinds, "--", *command]


def members(process: Process) -> Iterator[tuple[int, str]]:
    """(pid as seen from the machine, short name) of every process of a node."""
    try:
        space = os.readlink(f"/proc/{process.pid}/ns/pid")
    except OSError:
        return
    for pid in _pids():
        try:
            if os.readlink(f"/proc/{pid}/ns/pid") == space and (found := stat_of(pid)) and found[0] != "Z":
                yield pid, Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            continue


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]
