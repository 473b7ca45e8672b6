"""How fast a VM writes its memory, and how certain that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hosts.facts.memory_use import MIB, DirtyRate
from migrations_app.domain.forecast.history import Run

#: QEMU looks at 512 pages of each GiB, so one of them stands for this much
SAMPLE_BYTES = 2 * MIB
#: standard deviations: 9 of 10 measurements are as near to what is true
WIDE = 1.64
#: a rate that QEMU counted in an earlier migration of the same VM is its rate now, give or take this
EARLIER_SHARE = 0.1
#: standard deviations between then and now, from which on the VM does something else
DIFFERS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """Bytes per second, from the lowest to the highest it may be. `in_passes`: QEMU has seen it write as much as now,
    or more, in passes that were short."""

    bps: float
    low_bps: float
    high_bps: float
    in_passes: bool = False


def writing(windows: Sequence[DirtyRate], own: Sequence[Run] = ()) -> Writing | None:
    """From measurements right before, and from what QEMU counted in `own`, earlier migrations of the same VM, the
    newest first. None: neither is known."""
    measured = _measured(windows)
    counted = [float(run.mean_dirty_bps) for run in own if run.mean_dirty_bps is not None]
    if not counted:
        return measured
    then = counted[0]
    spread = max(EARLIER_SHARE * then, MIB / 4)
    before = Writing(
        bps=then, low_bps=max(min(*counted, then - spread), 0), high_bps=max(*counted, then + spread), in_passes=True
    )
    if measured is None:
        return before
    sigma = (measured.high_bps - measured.low_bps) / (2 * WIDE) or 1.0
    if abs(measured.bps - then) > DIFFERS * math.hypot(sigma, spread):  # it does something else now
        low, high = min(measured.low_bps, then), max(measured.high_bps, then)
        return replace(measured, low_bps=low, high_bps=high, in_passes=measured.bps <= then)
    # each counts by how certain it is
    now_counts = spread**2 / (sigma**2 + spread**2)
    likely = now_counts * measured.bps + (1 - now_counts) * then
    off = WIDE * sigma * spread / math.hypot(sigma, spread)
    return Writing(
        bps=likely,
        low_bps=max(min(likely - off, before.low_bps), 0),
        high_bps=max(likely + off, before.high_bps),
        in_passes=True,
    )


def _measured(windows: Sequence[DirtyRate]) -> Writing | None:
    if not windows:
        return None
    seconds = sum(one.seconds for one in windows)
    samples = sum(one.bps * one.seconds for one in windows) / SAMPLE_BYTES
    rate = samples / seconds
    off = WIDE * math.sqrt(max(samples, 1) * _uneven(windows, rate)) / seconds
    return Writing(
        bps=rate * SAMPLE_BYTES, low_bps=max(rate - off, 0) * SAMPLE_BYTES, high_bps=(rate + off) * SAMPLE_BYTES
    )


def _uneven(windows: Sequence[DirtyRate], rate: float) -> float:
    """By how many times the measurements differ more than samples do by chance: it writes in bursts; at least 1."""
    if len(windows) < 2 or rate <= 0:
        return 1.0
    apart = sum(
        (one.bps * one.seconds / SAMPLE_BYTES - rate * one.seconds) ** 2 / (rate * one.seconds) for one in windows
    )
    return max(1.0, apart / (len(windows) - 1))
