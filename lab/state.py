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


@dataclass(frozen=True)
class GuestSpec:
    """One guest. From `tick_ms` on it is how it behaves, done by lab/native/guest.c.

    host         the host it is defined on (its home, for `reset`)
    storage      pool of its disk: "testvms" (shared), "local", or "" for none
    tick_ms      time between two datagrams: each costs an emulated guest most of a millisecond of CPU
    fill_mib     memory filled with noise at boot, so that a migration has something to carry
    dirty_kib    memory rewritten per second, within the first `hot_mib` of the filled part
    disk_kib     written to the disk per second, after `disk_fill_mib` once at boot
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
    disk_kib: int = 0
    disk_fill_mib: int = 0
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


def own(prefix: str) -> None:
    """From now on this lab ends with this process: when that is killed, `abandoned` names it."""
    if prefix in _owned:
        return
    RUN.mkdir(parents=True, exist_ok=True)
    handle = os.open(_owner_file(prefix), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise LabError(f"another process uses the lab {prefix!r}") from None
    _owned[prefix] = handle


def forget_owner(prefix: str) -> None:
    """The lab is gone, so there is nothing to own."""
    _owner_file(prefix).unlink(missing_ok=True)
    if prefix in _owned:
        os.close(_owned.pop(prefix))


def abandoned() -> list[str]:
    """Labs whose owner is gone without having removed them."""
    found = []
    for file in sorted(RUN.glob("owner-*.lock")):
        handle = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            found.append(file.stem.removeprefix("owner-"))
        finally:
            os.close(handle)
    return found


def _owner_file(prefix: str) -> Path:
    return RUN / f"owner-{prefix}.lock"


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a lock of all labs of this machine: "networks", or "lab-<prefix>"."""
    RUN.mkdir(parents=True, exist_ok=True)
    handle = os.open(RUN / f"{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
