"""What came of the migrations of a bench of convergence, and its report."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

#: what the others are compared with, and how much longer than the best of them it may take
MEASURE, AIM = "kvmweb, must finish", 1.03


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one migration. `seconds`: from the request to the end. `downtime_ms`: as QEMU measured it. `felt_ms`: the
    longest time without a sign of the VM. `lost_s`: the work that it did not do, as the time it would have taken.
    `heard`: it is heard after the end; QEMU before 9.0 may lose memory of an emulated VM (docs/measured.md)."""

    name: str
    arrived: bool
    seconds: float
    downtime_ms: int | None
    felt_ms: int
    lost_s: float
    heard: bool = True


def report(outcomes: Iterable[Outcome]) -> list[str]:
    by_name: dict[str, list[Outcome]] = {}
    for one in outcomes:
        by_name.setdefault(one.name, []).append(one)
    ours = _seconds(by_name.get(MEASURE, []))
    head = f"{'':32} {'arrived':>8} {'time':>8} {'ratio':>6} {'downtime':>9} {'felt':>9} {'work lost':>10}"
    return [*_verdict(by_name), head, *(_line(name, found, ours) for name, found in by_name.items())]


def _verdict(by_name: dict[str, list[Outcome]]) -> list[str]:
    mine = by_name.get(MEASURE, [])
    if not mine:
        return []
    others = {name: _seconds(found) for name, found in by_name.items() if not name.startswith("kvmweb")}
    arrived = {name: seconds for name, seconds in others.items() if seconds is not None}
    every = all(one.arrived for one in mine)
    times = f"{sum(one.arrived for one in mine)} of {len(mine)} times"
    lines = [f"{MEASURE} arrived {times}   (aim: always, {_word(every)})"]
    ours = _seconds(mine)
    if ours is not None and arrived:
        best = min(arrived, key=lambda name: arrived[name])
        ratio = ours / arrived[best]
        lines.append(f"  {ratio:.2f} × the time of the best other recipe, {best}   (aim: {AIM}, {_word(ratio <= AIM)})")
    return lines


def _line(name: str, found: list[Outcome], ours: float | None) -> str:
    seconds = _seconds(found)
    there = [one for one in found if one.arrived]
    well = [one for one in there or found if one.heard]
    ratio = "" if seconds is None or ours is None else f"{seconds / ours:.2f}"
    took = f"{statistics.median(one.seconds for one in found):.0f} s"
    cells = [
        f"{len(there)} of {len(found)}",
        took if there else f"({took})",
        ratio,
        _ms(there or found, lambda one: one.downtime_ms),
        _ms(well, lambda one: one.felt_ms),
        f"{statistics.median(one.lost_s for one in well):.1f} s" if well else "",
    ]
    widths = (8, 8, 6, 9, 9, 10)
    line = f"{name:32} " + " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    silent = sum(not one.heard for one in found)
    return f"{line}   (silent afterwards: {silent})" if silent else line


def _seconds(found: list[Outcome]) -> float | None:
    """Median of those that arrived."""
    arrived = [one.seconds for one in found if one.arrived]
    return statistics.median(arrived) if arrived else None


def _ms(found: list[Outcome], value: Callable[[Outcome], int | None]) -> str:
    there = [number for one in found if (number := value(one)) is not None]
    return f"{statistics.median(there):.0f} ms" if there else ""


def _word(reached: bool) -> str:
    return "reached" if reached else "missed"
