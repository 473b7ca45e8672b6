"""Earlier migrations, and what can be learnt from them. Small ones and those that stalled do not count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

#: what a migration must have sent, and for how long, to say something about the link: less is mostly set-up
ENOUGH_BYTES = 64 * 1024 * 1024
ENOUGH_SECONDS = 2.0
#: the first pass has no set-up in it
ENOUGH_FIRST_SECONDS = 0.75
#: libvirt tells bytes and milliseconds together; they are no measure of a rate when so little time is between them
ENOUGH_FLOW_SECONDS = 0.1
#: the newest of them: links and guests change
MOST_RUNS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An earlier migration that ended well, as libvirt reported it. `dirty_bps`: the highest dirty rate that was seen,
    `mean_dirty_bps` the mean. For a paused guest they are None, and so is `downtime_ms`. `stalled`: whether the link
    carried nothing for a while; None when nobody watched. `first_bytes`: sent in the first pass, in `first_seconds`, of
    `memory_bytes` of memory; `flow_bytes` of them had come in `flow_seconds`, when data was first seen.
    `resident_bytes`: what QEMU held before. None: not seen."""

    same_guest: bool
    transferred_bytes: int
    seconds: float
    downtime_ms: int | None = None
    dirty_bps: int | None = None
    mean_dirty_bps: int | None = None
    stalled: bool | None = None
    memory_bytes: int | None = None
    first_bytes: int | None = None
    first_seconds: float | None = None
    flow_seconds: float = 0.0
    flow_bytes: int = 0
    resident_bytes: int | None = None
    ended_at: datetime | None = None

    @property
    def tells(self) -> bool:
        """Whether there is something to learn from it."""
        long = self.seconds >= ENOUGH_SECONDS or min(self.seconds, self.first_seconds or 0) >= ENOUGH_FIRST_SECONDS
        return self.stalled is False and self.transferred_bytes >= ENOUGH_BYTES and long

    @property
    def bps(self) -> float:
        return self.transferred_bytes / self.seconds

    @property
    def first_bps(self) -> float:
        """Of the first pass, from when data flowed: no set-up and no switch-over in it. One that was seen too late, or
        for too short a time, tells no more than the whole."""
        seconds = (self.first_seconds or 0) - self.flow_seconds
        flowed = (self.first_bytes or 0) - self.flow_bytes
        if seconds < ENOUGH_FLOW_SECONDS or flowed <= 0:
            return self.bps
        return flowed / seconds

    @property
    def share(self) -> float | None:
        """How much of its memory had to be sent in the first pass: pages of zeros need not."""
        if not self.first_bytes or not self.memory_bytes:
            return None
        return min(self.first_bytes / self.memory_bytes, 1.0)

    @property
    def overhead(self) -> int | None:
        """What QEMU held besides what it sent: about the same for all VMs of a host."""
        if not self.first_bytes or not self.resident_bytes:
            return None
        return self.resident_bytes - self.first_bytes


def newest(runs: Sequence[Run]) -> list[Run]:
    """Those that tell something; of many, the guest's own come first."""
    told = [run for run in runs if run.tells]
    own = [run for run in told if run.same_guest][:MOST_RUNS]
    others = [run for run in told if not run.same_guest][: MOST_RUNS - len(own)]
    return [run for run in told if run in own or run in others]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From the lowest to the highest, and what is likely."""

    low: float
    likely: float
    high: float


def span(values: Sequence[float], *, margin: float = 0.0) -> Span | None:
    """`margin`: so much more on both sides, as a share."""
    if not values:
        return None
    return Span(low=min(values) * (1 - margin), likely=median(values), high=max(values) * (1 + margin))
