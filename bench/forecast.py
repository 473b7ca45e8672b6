"""The forecast beside the lab's recorded migrations (tests/data/runs, by `make record`).

Each run that nobody interfered with is foreseen from what was measured right before it, one second of dirty rate as a
check does, and from the other runs over the same link: those of the same VM are its earlier migrations, the rest are
other VMs'. The run itself is never among them. First ones: nothing was seen before, and the path's rate is nominal.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from bench.scenarios import SCENARIOS
from hosts.facts.memory_use import MIB, DirtyRate
from migrations_app.domain.forecast import Ending, Forecast, Known, forecast
from migrations_app.domain.forecast import Run as Earlier
from migrations_app.domain.lifecycle import State
from migrations_app.domain.progress import Progress, advance, complete
from tests.runs import FOLDER, Run, load

#: so much of the time has passed when what is left is compared
AT = 0.25
#: libvirt's own, with which the runs were made
ALLOWED_MS = 300


@dataclass(frozen=True)
class Foreseen:
    """`own`: an earlier migration of the same VM was known. `left_ms`: at AT of the time, and what was true then."""

    about: dict[str, Any]
    seen: Forecast
    own: bool
    left_ms: int | None
    true_left_ms: int

    @property
    def ended_by_itself(self) -> bool:
        """While the VM wrote as it did at the start; in bursts it does so all the time."""
        changes_in = self.about["changes_in_s"] if self.about["writes"] == "changing" else None
        changed = changes_in is not None and self.about["duration_ms"] > changes_in * 1000
        return self.about["ended"] == "done" and not changed

    @property
    def wrong(self) -> bool:
        """The verdict is: an uncertain one never is."""
        if self.seen.verdict == Ending.UNCERTAIN:
            return False
        return (self.seen.verdict == Ending.CONVERGES) is not self.ended_by_itself

    @property
    def duration_off(self) -> float:
        return abs((self.seen.likely_ms or 0) / int(self.about["duration_ms"]) - 1)

    @property
    def duration_inside(self) -> bool:
        low, high = self.seen.low_ms, self.seen.high_ms
        return (low or 0) <= self.about["duration_ms"] and (high is None or self.about["duration_ms"] <= high)

    @property
    def downtime_inside(self) -> bool:
        low, high = self.seen.downtime_low_ms, self.seen.downtime_high_ms
        return low is not None and high is not None and low <= self.about["downtime_ms"] <= high

    @property
    def left_off(self) -> float:
        return abs((self.left_ms or 0) / self.true_left_ms - 1)


class History(StrEnum):
    """Which of the other runs over the same link are known: all, those that were recorded before it, none."""

    OTHERS = "others"
    BEFORE = "before"
    NONE = "none"


_ORDER = {scenario.name: number for number, scenario in enumerate(SCENARIOS)}


@cache
def foreseen(history: History = History.OTHERS, folder: Path = FOLDER) -> tuple[Foreseen, ...]:
    runs = [load(file) for file in sorted(folder.glob("*.json"), key=lambda file: _ORDER.get(file.stem, 0))]
    runs = [run for run in runs if not run.about["changes"] and not run.about["flags"]]
    newest_first = runs[::-1]
    return tuple(_foreseen(run, _earlier(run, _known(history, run, newest_first))) for run in runs)


def _known(history: History, run: Run, newest_first: Sequence[Run]) -> Sequence[Run]:
    match history:
        case History.OTHERS:
            return newest_first
        case History.BEFORE:
            return newest_first[newest_first.index(run) + 1 :]
        case History.NONE:
            return ()


def _foreseen(run: Run, earlier: Sequence[Earlier]) -> Foreseen:
    before = run.about["before"]
    known = Known(
        memory_bytes=before["memory"]["size"],
        resident_bytes=before["memory"]["resident"],
        windows=tuple(DirtyRate(**one) for one in before["dirty"][:1]),
        # an interface of the lab does not know how it is shaped, and nor does one whose path is narrow elsewhere
        nominal_bps=before["nominal_mbit"] * 1_000_000 / 8,
        allowed_ms=ALLOWED_MS,
        most_ms=ALLOWED_MS,
    )
    seen = forecast(earlier, memory_bytes=known.memory_bytes, with_disks=False, known=known)
    assert seen is not None
    shown = None
    for look in run.looks:
        shown = advance(shown, look, State.COPYING_MEMORY, foreseen=seen)
        if (shown.elapsed_ms or 0) >= AT * run.about["duration_ms"]:
            break
    assert shown is not None
    return Foreseen(
        about=run.about,
        seen=seen,
        own=any(one.same_guest for one in earlier),
        left_ms=shown.eta_ms,
        true_left_ms=max(run.about["duration_ms"] - (shown.elapsed_ms or 0), 1),
    )


def _earlier(run: Run, runs: Sequence[Run]) -> list[Earlier]:
    """As kvmweb would have kept them."""
    known = []
    for other in runs:
        about = other.about
        if other is run or about["link_mib"] != run.about["link_mib"] or about["ended"] != "done":
            continue
        told = _shown(other)
        known.append(
            Earlier(
                same_guest=_vm(other) == _vm(run),
                transferred_bytes=told.transferred_bytes or 0,
                seconds=about["duration_ms"] / 1000,
                downtime_ms=about["downtime_ms"],
                dirty_bps=told.dirty_max_bps,
                mean_dirty_bps=told.dirty_mean_bps,
                stalled=told.stalled,
                memory_bytes=about["memory_mib"] * MIB,
                first_bytes=told.first_pass_bytes,
                first_seconds=told.first_pass_ms / 1000 if told.first_pass_ms else None,
                flow_seconds=(told.flow_ms or 0) / 1000,
                flow_bytes=told.flow_bytes or 0,
                resident_bytes=about["before"]["memory"]["resident"],
            )
        )
    return known


def _shown(run: Run) -> Progress:
    shown = None
    for look in run.looks:
        shown = advance(shown, look, State.COPYING_MEMORY)
    return complete(shown or Progress(), None)


def _vm(run: Run) -> str:
    return str(run.about["twin_of"] or run.name)


def figures(found: Sequence[Foreseen]) -> Iterator[str]:
    ended = [one for one in found if one.ended_by_itself]
    verdicts = [one.seen.verdict for one in found]
    stood = [one.downtime_inside for one in ended]
    wrong = sum(one.wrong for one in found)
    yield f"verdict wrong in {wrong} of {len(found)} (uncertain in {verdicts.count(Ending.UNCERTAIN)})"
    named = [one for one in ended if one.seen.likely_ms is not None]
    if named:
        yield f"duration off by {median(one.duration_off for one in named):.1%} (median of {len(named)})"
    if len(named) < len(ended):
        yield f"no likely duration named of {len(ended) - len(named)}"
    yield f"duration in its range in {sum(one.duration_inside for one in ended)} of {len(ended)}"
    yield f"downtime in its range in {sum(stood)} of {len(stood)}"
    yield f"time left at {AT:.0%} off by {median(one.left_off for one in ended):.1%} (median of {len(ended)})"


_TITLES = {
    History.OTHERS: "Forecasts of recorded migrations, from the others over the same link",
    History.BEFORE: "From those before it alone",
    History.NONE: "First ones",
}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench forecast", description=__doc__)
    parser.add_argument("--each", action="store_true", help="each run too")
    parser.add_argument("--runs", type=Path, default=FOLDER, metavar="FOLDER", help="of other recorded migrations")
    options = parser.parse_args(arguments)
    for history, title in _TITLES.items():
        found = foreseen(history, options.runs)
        print("\n  ".join([f"{title}:", *figures(found)]))
        for one in found if options.each else ():
            print(f"    {_line(one)}")


def _line(one: Foreseen) -> str:
    seen, about = one.seen, one.about
    ends = "wrong" if one.wrong else seen.verdict
    span = f"{seen.low_ms or 0:.0f} to {seen.high_ms or 0:.0f}"
    took = f"{about['duration_ms']} ms, foreseen {seen.likely_ms or 0:.0f} ({span})"
    stood = f"downtime {about['downtime_ms']}, foreseen {seen.downtime_low_ms} to {seen.downtime_high_ms}"
    left = f"left {one.true_left_ms}, foreseen {one.left_ms}"
    dirty = f"writes {(seen.dirty_bps or 0) / MIB:.1f} MiB/s" + (", known" if one.own else "")
    return f"{about['name']:28} {about['ended']:8} {ends:11} {took}; {stood}; {left}; {dirty}"
