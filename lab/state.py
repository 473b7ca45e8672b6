"""What is remembered about a running lab: one JSON file per prefix, and the locks."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.node import Process
from lab.paths import LABS, RUN
from lab.run import LabError

DEFAULT_PREFIX = "demo"


AGENT, NO_ONE = "agent", "no-one"


@dataclass(frozen=True)
class GuestSpec:
    """One guest. From `tick_ms` on it is how it behaves, done by lab/native/guest.c.

    host         the host it is defined on (its home, for `reset`)
    storage      pool of its disk: "testvms" (shared), "local", or "" for none
    tick_ms      time between two datagrams: each costs an emulated guest most of a millisecond of CPU
    fill_mib     memory filled with noise at boot, so that a migration has something to carry
    dirty_kib    memory rewritten per second, within the first `hot_mib` of the filled part
    period_s     when not 0: so long `dirty_kib`, then so long `calm_kib`, and so on, by the guest's clock
    whole_pages  it rewrites all of each page, not only its start
    disk_kib     written to the disk per second, after `disk_fill_mib` once at boot
    obeys_after_s  so long after its power button was pressed it powers off
    agent        AGENT: it has a channel for a guest agent and Debian's agent behind it; NO_ONE: only the channel
    """

    name: str
    host: str
    memory_mib: int = 96
    running: bool = True
    storage: str = "testvms"
    disk_mib: int = 64
    tick_ms: int = 20
    fill_mib: int = 0
    dirty_kib: int = 0
    hot_mib: int = 16
    calm_kib: int = 0
    period_s: int = 0
    whole_pages: bool = False
    disk_kib: int = 0
    disk_fill_mib: int = 0
    obeys_after_s: int = 0
    agent: str = ""
    vcpus: int = 1
    machine: str = "pc-q35-7.2"
    uuid: str = ""
    address: str = ""


@dataclass(frozen=True)
class HostState:
    name: str
    process: Process
    address: str
    migration_address: str
    uuid: str
    suite: str
    host_key: str


@dataclass
class LabState:
    """`profile` is "demo" or "test"; `shared_storage` "glusterfs" or "directory"; `shape_mbit` the initial limit."""

    prefix: str
    index: int
    profile: str
    shape_mbit: int | None = None
    shared_storage: str = "glusterfs"
    fallback_reason: str = ""
    switch: Process | None = None
    storage: Process | None = None
    hosts: list[HostState] = field(default_factory=list)
    guests: list[GuestSpec] = field(default_factory=list)

    def nodes(self) -> list[Process]:
        """Hosts first: they use the storage, and a mount whose server is gone may hold up its users' end."""
        others = [process for process in (self.storage, self.switch) if process is not None]
        return [host.process for host in self.hosts] + others


def check_prefix(prefix: str) -> str:
    """Names of links on the machine start with it, and those have at most 15 characters."""
    if not re.fullmatch(r"[a-z][a-z0-9]{0,8}", prefix):
        raise LabError(f"{prefix!r} cannot be a prefix: up to 9 of a-z and 0-9, a letter first")
    return prefix


def folder(prefix: str) -> Path:
    return RUN / prefix


def disk_folder(prefix: str) -> Path:
    return LABS / prefix


def save(state: LabState) -> None:
    target = folder(state.prefix) / "state.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(dataclasses.asdict(state), indent=1))
    fresh.rename(target)


def load(prefix: str) -> LabState | None:
    """The remembered state, or None when there is none that this code understands."""
    try:
        raw = json.loads((folder(prefix) / "state.json").read_text())
        return _parsed(raw)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _parsed(raw: dict[str, Any]) -> LabState:
    def process(value: dict[str, int] | None) -> Process | None:
        return None if value is None else Process(**value)

    hosts = [HostState(**{**host, "process": Process(**host["process"])}) for host in raw["hosts"]]
    guests = [GuestSpec(**guest) for guest in raw["guests"]]
    nodes = {"switch": process(raw["switch"]), "storage": process(raw["storage"])}
    known = {one.name for one in dataclasses.fields(LabState)}
    values = {name: value for name, value in raw.items() if name in known}
    return LabState(**{**values, **nodes, "hosts": hosts, "guests": guests})


_owned: dict[str, int] = {}
"""Prefix -> the handle by which this process holds the lock of the owner's file."""


def own(prefix: str) -> None:
    """Claim a lab: nobody else may replace or remove it until `disown`, or until this process ends.

    The file of an owner that was killed stays, unlocked, and tells that the lab is to be removed: `take_over`. Call
    these three under the lock `lab-<prefix>`. LabError when another process that runs owns the lab.
    """
    if not _claimed(prefix, os.O_CREAT):
        pid = _owner_file(prefix).read_text() if _owner_file(prefix).exists() else ""
        owner = f"process {pid}" if pid else "another process"
        raise LabError(f"the lab {prefix!r} belongs to {owner}, which runs; it is removed when that ends")


def take_over(prefix: str) -> bool:
    """Own a lab that was left by its owner; False when it was not, or when somebody has it by now."""
    return prefix not in _owned and _claimed(prefix, 0)


def disown(prefix: str) -> None:
    """The lab is gone, or it is to outlive this process."""
    if prefix in _owned:
        _owner_file(prefix).unlink(missing_ok=True)
        os.close(_owned.pop(prefix))


def with_owner() -> list[str]:
    """Labs that have an owner's file, whether that owner lives or not."""
    return sorted(file.stem.removeprefix("owner-") for file in RUN.glob("owner-*.lock"))


def _claimed(prefix: str, create: int) -> bool:
    if prefix in _owned:
        return True
    RUN.mkdir(parents=True, exist_ok=True)
    file = _owner_file(prefix)
    try:
        handle = os.open(file, os.O_RDWR | os.O_CLOEXEC | create, 0o600)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), file.stat()):  # else its owner removed it between our open and our lock
            os.truncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
            _owned[prefix] = handle
    except (BlockingIOError, FileNotFoundError):
        pass
    finally:
        if prefix not in _owned:
            os.close(handle)
    return prefix in _owned


def _owner_file(prefix: str) -> Path:
    return RUN / f"owner-{prefix}.lock"


@contextlib.contextmanager
def locked(name: str, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock of all labs of this machine: "networks", or "lab-<prefix>".

    With `wait=False` it yields whether it got the lock, instead of waiting for it.
    """
    RUN.mkdir(parents=True, exist_ok=True)
    handle = os.open(RUN / f"{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)
