"""Every fault at every phase of a migration. `make faults` runs all of it; `make test` the cells in QUICK."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from lab import Lab, TickReceiver
from lab.reset import refresh_pools
from tests.faults import spoken, truth, verdict
from tests.faults.catalog import FAULTS, Fault
from tests.faults.cell import ENDS, Cell
from tests.faults.phases import Phase
from tests.faults.verdict import Result
from tests.lab import leftovers
from tests.lab.serving import TERMINAL, Serving

#: one of each kind of fault, each phase at least once; the migration link: test_words.py
QUICK = frozenset({
    ("libvirtd of kvm-b killed, 5 s", "memory"),
    ("QEMU on kvm-b killed", "switch-over"),
    ("QEMU on kvm-a stopped, 10 s", "disks"),
    ("management link of kvm-b cut, 5 s", "checking"),
    ("copied volume replaced by a stranger's, cancelled", "disks"),
    ("destroyed on kvm-a", "arrival"),
    ("worker killed", "memory"),
})  # fmt: skip

#: what waits for libvirt or a host comes to a word within this: two minutes of silence, and the finding out
WORD_SECONDS = 190
#: after the fault is over
END_SECONDS = 120
#: needs_attention is looked at again every 15 s
CLEARS_SECONDS = 45


def _cells() -> Iterator[object]:
    for fault in FAULTS:
        for phase in fault.phases:
            marks = [] if (fault.name, phase.name) in QUICK else [pytest.mark.faults]
            name = re.sub(r"[^a-z0-9]+", "-", f"{phase.name} {fault.name}".lower()).strip("-")
            yield pytest.param(fault, phase, id=name, marks=marks)


def test_the_quick_cells_are_cells() -> None:
    cells = {(fault.name, phase.name) for fault in FAULTS for phase in fault.phases}
    assert cells >= QUICK


@pytest.mark.lab
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("fault", "phase"), list(_cells()))
def test_fault(
    fault: Fault, phase: Phase, fresh: Serving, lab: Lab, ticks: TickReceiver, results: list[Result]
) -> None:
    if phase.made:
        lab.define_guest(phase.made.host, phase.made)
        refresh_pools(list(lab.hosts.values()))  # else a host that starts again has a new volume on shared storage
        assert ticks.wait_for(phase.made.name, timeout=60)
        fresh.wait_for_guest(phase.made.name, phase.made.host)
    cell = Cell(lab, fresh, ticks, phase, guest=fault.guest)
    before = leftovers.take(lab)
    reader = spoken.Reader(fresh)
    said, words, broken = "", "", ["the test stumbled"]
    try:
        with cell.healed():
            cell.reach()
            watcher = truth.Watcher(cell)
            _hurt(cell, fault, watcher)
            _wait_for_the_end(cell, fault, watcher)
            seen = truth.read(cell)
            said, words = cell.shown()["state"], seen.words
            broken = verdict.judge(cell, fault, before, watcher, seen, reader)
    finally:
        seconds = time.monotonic() - cell.began
        results.append(Result(fault.name, phase.name, said, words, seconds, tuple(broken)))
    assert not broken, f"{broken}\n{cell.tell()}"


def _hurt(cell: Cell, fault: Fault, watcher: truth.Watcher) -> None:
    fault.do(cell)
    cell.phase.let_go(cell)
    fault.then(cell)
    if fault.lasts is None:
        _wait_for_a_word(cell, watcher)
    else:
        _watch(cell, watcher, fault.lasts, until=())
    fault.undo(cell)
    cell.lab.shape(None)


def _wait_for_a_word(cell: Cell, watcher: truth.Watcher) -> None:
    """A migration that does not end, because libvirt continues to try, is cancelled by a user."""
    _watch(cell, watcher, WORD_SECONDS, until=ENDS)
    if cell.shown()["state"] not in ENDS:
        cell.cancel()
        _watch(cell, watcher, END_SECONDS, until=ENDS)


def _wait_for_the_end(cell: Cell, fault: Fault, watcher: truth.Watcher) -> None:
    """A migration that needs attention may end by itself when the fault is over."""
    _watch(cell, watcher, END_SECONDS, until=ENDS)
    if cell.shown()["state"] == "needs_attention" and fault.right(cell.phase) & TERMINAL:
        _watch(cell, watcher, CLEARS_SECONDS, until=TERMINAL)


def _watch(cell: Cell, watcher: truth.Watcher, seconds: float, *, until: frozenset[str] | tuple[str, ...]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and cell.shown()["state"] not in until:
        watcher.look()
        time.sleep(min(0.7, max(0.0, end - time.monotonic())))
