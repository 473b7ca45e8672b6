"""The promises, held against what is true when a cell is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.faults import spoken, truth
from tests.faults.catalog import Fault
from tests.faults.cell import Cell
from tests.faults.phases import content
from tests.lab import leftovers
from tests.lab.leftovers import Before


@dataclass(frozen=True)
class Result:
    fault: str
    phase: str
    said: str
    truth: str
    seconds: float
    broken: tuple[str, ...]

    @property
    def row(self) -> tuple[str, ...]:
        return (self.fault, self.phase, self.said, self.truth, f"{self.seconds:.0f}", "ok" if not self.broken else "NO")


def judge(
    cell: Cell, fault: Fault, before: Before, watcher: truth.Watcher, seen: truth.Truth, reader: spoken.Reader
) -> list[str]:
    """Every promise that was broken, one sentence each."""
    shown = cell.shown()
    broken = list(watcher.broken)
    if shown["state"] not in fault.right(cell.phase):
        broken.append(f"ended {shown['state']}, right would be {' or '.join(sorted(fault.right(cell.phase)))}")
    broken += _one_copy(cell, seen) + _fate(cell, fault, shown, seen) + _place(cell, shown, seen)
    broken += spoken.differences(shown, reader.migration(cell.pk), cell.kvmweb.journal(cell.pk))
    broken += _kept(cell, fault, shown, before)
    if shown["state"] == "needs_attention" and not (shown["error"] or {}).get("what_to_do"):
        broken.append("it needs attention and does not say what to do")
    return broken


def _fate(cell: Cell, fault: Fault, shown: Any, seen: truth.Truth) -> list[str]:
    """What became of the VM, by what its method does to it."""
    if fault.resumes:
        return [] if seen.running == [cell.target.name] and seen.heard else ["it was not left running"]
    if cell.phase.off:
        return _defined(cell, shown) + _never_ran(cell, shown, seen)
    if cell.phase.stops:
        return _stopped(cell, shown, seen)
    return _alive(cell, fault, seen) + _resumed(cell, fault, shown, seen)


def _never_ran(cell: Cell, shown: Any, seen: truth.Truth) -> list[str]:
    """One whose disks are copied while it is shut off: not one tick, not one block written."""
    if not cell.content:
        return []
    broken = []
    if cell.ticks.ticks(cell.guest, cell.off_since):
        broken.append("it ran: it was heard")
    if seen.active and shown["state"] != "needs_attention":
        broken.append(f"it is not shut off on {' and '.join(seen.active)}")
    whole = [cell.source, cell.target] if shown["state"] == "done" else [cell.source]
    broken += [f"its disk on {host.name} is another" for host in whole if content(host) != cell.content]
    return broken


def _stopped(cell: Cell, shown: Any, seen: truth.Truth) -> list[str]:
    """Shut down and started again on one of the hosts, once: it has been heard from two boots, not more."""
    broken = []
    boots = {tick.boot for tick in cell.ticks.ticks(cell.guest, cell.began)}
    if len(boots) > 2:
        broken.append(f"it was started {len(boots) - 1} times")
    if shown["state"] != "needs_attention" and not (seen.running and seen.heard):
        broken.append("it does not run any more")
    for host in (cell.source, cell.target):
        if host.name in seen.running and (trouble := truth.trouble_with_disk(cell, host)):
            broken.append(trouble)
    return broken


def _one_copy(cell: Cell, seen: truth.Truth) -> list[str]:
    broken = []
    if len(seen.running) > 1 or cell.ticks.ran_twice(cell.guest, cell.began):
        broken.append("it ran twice")
    if any(there.processes > 1 for there in seen.hosts.values()):
        broken.append("a host has two QEMU processes of it")
    return broken


def _alive(cell: Cell, fault: Fault, seen: truth.Truth) -> list[str]:
    """Only a fault that kills the VM may end it; a running VM sends datagrams and has the memory it had."""
    if cell.phase in fault.ends_the_vm:
        return [] if not seen.running else [f"the fault ended it, and it runs on {' and '.join(seen.running)}"]
    if not seen.active:
        return ["it does not run any more"]
    broken = []
    if seen.running and cell.phase in fault.stays_paused:
        broken.append("it runs, and a person had paused it")
    if seen.running and not seen.heard:
        broken.append("it is said to run and not heard")
    broken += _started_afresh(cell)
    if fault.takes or fault.leaves:  # the disk is what the fault took
        return broken
    for host in (cell.source, cell.target):
        if host.name in seen.running and (trouble := truth.trouble_with_disk(cell, host)):
            broken.append(trouble)
    return broken


def _resumed(cell: Cell, fault: Fault, shown: Any, seen: truth.Truth) -> list[str]:
    """libvirt paused it, so it runs again when that has come to an end."""
    ended = shown["state"] != "needs_attention" and cell.phase not in fault.stays_paused
    if cell.phase.kind != "suspended" or not ended or seen.running or not seen.active:
        return []
    return [f"it stays paused on {' and '.join(seen.active)}"]


def _defined(cell: Cell, shown: Any) -> list[str]:
    """One that is shut off is where it is said to be, and its definition is nowhere else."""
    wanted = {"done": cell.target.name, "failed": cell.source.name, "cancelled": cell.source.name}.get(shown["state"])
    there = truth.defined_on(cell)
    return [] if wanted is None or there == [wanted] else [f"{shown['state']}, and {' and '.join(there)} has it"]


def _started_afresh(cell: Cell) -> list[str]:
    boots: dict[str, float] = {}
    for tick in cell.ticks.ticks(cell.guest, cell.began):
        boots.setdefault(tick.boot, tick.arrived - cell.began)
    if len(boots) <= 1:
        return []
    first_heard = ", ".join(f"{seconds:.1f} s" for seconds in boots.values())
    return [f"it was started afresh: its boots were heard first after {first_heard}"]


def _place(cell: Cell, shown: Any, seen: truth.Truth) -> list[str]:
    """What is said names the host on which the VM is."""
    text = shown["state_text"]
    broken = []
    for host, there in seen.hosts.items():
        if f"{cell.guest} runs on {host}" in text and not there.runs:
            broken.append(f"kvmweb says that it runs on {host}, virsh says {there.state or 'no such VM'}")
    if "was not touched" in text:
        return broken
    for host in seen.running:
        if f"on {host}" not in text:
            broken.append(f"it runs on {host}, which is not said: {text!r}")
    wanted = {"done": cell.target.name, "failed": cell.source.name, "cancelled": cell.source.name}.get(shown["state"])
    if wanted and seen.active and wanted not in seen.active:
        broken.append(f"{shown['state']}, and it is on {' and '.join(seen.active)}")
    return broken


def _kept(cell: Cell, fault: Fault, shown: Any, before: Before) -> list[str]:
    """Its definition is somewhere, nothing is gone, and what is left over is listed."""
    broken = []
    if not truth.defined_on(cell) and not (cell.guest and "undefined" in fault.name):
        broken.append("no host has its definition")
    now = leftovers.take(cell.lab)
    said = " ".join([shown["state_text"], *(shown["error"] or {}).values()])
    said += " ".join(entry["text"] for entry in cell.kvmweb.journal(cell.pk))
    copied = {f"{cell.target.name}: local/{cell.guest}.qcow2"} if shown["state"] == "done" else set()
    for thing in truth.left_over(before, now, cell):
        name = thing.rpartition("/")[2].rpartition(": ")[2]
        if thing not in copied and name not in said and thing.partition(": ")[2] not in fault.leaves:
            broken.append(f"left over and not listed: {thing}")
    for thing in truth.missing(before, now, cell):
        if thing.partition(": ")[2] not in fault.takes:
            broken.append(f"gone: {thing}")
    for thing in fault.leaves:
        if thing not in now[cell.target.name].volumes:
            broken.append(f"{thing}, which is not kvmweb's, was removed")
    return broken
