"""Where the VM is, read by virsh on each host, from the list of processes and from its ticks; nothing of it by kvmweb."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from lab import Host
from tests.faults.cell import Cell
from tests.lab.leftovers import Before, Inventory

HEARD_WITHIN = 20
SILENT_FOR = 2


@dataclass(frozen=True)
class OnHost:
    """`state` is virsh's word with its reason, "" without the VM; `processes` counts its QEMU processes."""

    state: str
    processes: int

    @property
    def runs(self) -> bool:
        return self.state.startswith(("running", "idle"))

    @property
    def waits(self) -> bool:
        return self.state.startswith("paused")


@dataclass(frozen=True)
class Truth:
    hosts: dict[str, OnHost]
    heard: bool

    @property
    def running(self) -> list[str]:
        return [name for name, there in self.hosts.items() if there.runs]

    @property
    def active(self) -> list[str]:
        return [name for name, there in self.hosts.items() if there.runs or there.waits]

    @property
    def words(self) -> str:
        there = [f"{there.state} on {name}" for name, there in self.hosts.items() if there.state]
        return ", ".join(there or ["nowhere"]) + (", heard" if self.heard else ", silent")


def read(cell: Cell) -> Truth:
    """At the end: a running VM sends datagrams, one that does not run is silent."""
    hosts = {host.name: look(cell, host) for host in (cell.target, cell.source)}
    runs = any(there.runs for there in hosts.values())
    heard = cell.ticks.wait_for(cell.guest, timeout=HEARD_WITHIN if runs else SILENT_FOR)
    return Truth(hosts, heard)


def look(cell: Cell, host: Host) -> OnHost:
    return OnHost(cell.virsh_state(host), len(host.qemus_of(cell.uuid)))


def trouble_with_disk(cell: Cell, host: Host) -> str:
    """ "" when the file that QEMU has open there is the file of that name, and whole. The VM is paused meanwhile."""
    (pid,) = host.qemus_of(cell.uuid)
    files = [file for file in _open_files(pid) if ".qcow2" in file[1]]
    if not files:  # one without disks
        return ""
    for number, path in files:
        name = path.removesuffix(" (deleted)")
        mine = str(os.stat(f"/proc/{pid}/fd/{number}").st_ino)
        there = host.exec("stat", "-c", "%i", name, check=False).strip()
        if mine != there:
            return f"QEMU on {host.name} writes to {name}, which was deleted"
    was_running = look(cell, host).runs
    if was_running:
        host.virsh("suspend", cell.uuid)
    try:
        said = host.exec("qemu-img", "check", "-U", files[0][1], check=False)
    finally:
        if was_running:
            host.virsh("resume", cell.uuid)
    return "" if "No errors were found" in said or ("Leaked" in said and "corrupt" not in said) else said.strip()


def _open_files(pid: int) -> list[tuple[str, str]]:
    found = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append((file.name, os.readlink(file)))
        except OSError:
            continue
    return found


def left_over(before: Before, now: Before, cell: Cell) -> list[str]:
    """What is on a host now besides what was there and besides the VM itself, as "kvm-b: local/x.qcow2"."""
    found = []
    for host, seen in now.items():
        was = before[host]
        extra = {
            *(seen.volumes - was.volumes),
            *seen.jobs,
            *_sockets(seen, cell.guest) - _sockets(was, cell.guest),
            *(seen.domains - was.domains - {cell.guest}),
        }
        found += [f"{host}: {thing}" for thing in sorted(extra)]
    return found


def missing(before: Before, now: Before, cell: Cell) -> list[str]:
    found = []
    for host, seen in now.items():
        gone = {*(before[host].volumes - seen.volumes), *(before[host].domains - seen.domains - {cell.guest})}
        found += [f"{host}: {thing}" for thing in sorted(gone)]
    return found


def _sockets(seen: Inventory, guest: str) -> set[str]:
    """Without those of the VM itself, which migrate with it."""
    return {socket for socket in seen.sockets if not socket.startswith(f"{guest}: ")}


def defined_on(cell: Cell) -> list[str]:
    """The hosts that know the VM for good."""
    names = []
    for host in (cell.source, cell.target):
        if cell.uuid in host.virsh("list", "--all", "--persistent", "--uuid").split():
            names.append(host.name)
    return names


class Watcher:
    """Looks at the VM again and again while a cell waits: whether it runs twice, and whether kvmweb says for long that
    it runs where it does not."""

    #: a worker may be gone and be replaced, and a host that fell silent is noticed only by its silence
    WRONG_FOR = 15.0

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.broken: list[str] = []
        self._wrong_since: dict[str, float] = {}

    def look(self) -> None:
        # first the destination: once it runs there the source can never run again
        there, here = look(self.cell, self.cell.target), look(self.cell, self.cell.source)
        if there.runs and here.runs:
            self._note("it runs on both hosts at once")
        shown = self.cell.shown()
        for host, seen in ((self.cell.source.name, here), (self.cell.target.name, there)):
            said = f"{self.cell.guest} runs on {host}"
            if said in shown["state_text"] and seen.state != "?" and not seen.runs:
                since = self._wrong_since.setdefault(said, time.monotonic())
                if time.monotonic() - since > self.WRONG_FOR:
                    self._note(f"kvmweb says for {self.WRONG_FOR:.0f} s {said!r}, virsh {seen.state or 'no such VM'!r}")
            else:
                self._wrong_since.pop(said, None)

    def _note(self, what: str) -> None:
        if what not in self.broken:
            self.broken.append(what)
