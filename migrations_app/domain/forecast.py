"""How long a migration may take, based on earlier migrations between the same two hosts. Small ones and those that
stalled do not count; without any other there is no forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

#: a link that carries this much more than the guest writes lets it end
ENOUGH = 1.25
#: what a migration must have sent, and for how long, to say something about the link: less is mostly set-up
ENOUGH_BYTES = 64 * 1024 * 1024
ENOUGH_SECONDS = 2.0
#: the newest of them: links and guests change
MOST_RUNS = 10
#: of a VM that is shut down, where none was measured: libvirt sends a definition and starts a VM in between these
SOONEST_START_MS, LATEST_START_MS = 5_000, 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An earlier migration that ended well, as libvirt reported it. `dirty_bps`: the highest dirty rate that was seen.
    For a paused guest it is None, and so is `downtime_ms`. `stalled`: whether the link carried nothing for a while;
    None when nobody watched."""

    same_guest: bool
    transferred_bytes: int
    seconds: float
    downtime_ms: int | None = None
    dirty_bps: int | None = None
    stalled: bool | None = None

    @property
    def tells(self) -> bool:
        """Whether there is something to learn from it."""
        return self.stalled is False and self.transferred_bytes >= ENOUGH_BYTES and self.seconds >= ENOUGH_SECONDS

    @property
    def bps(self) -> float:
        return self.transferred_bytes / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Milliseconds of libvirt's job, from the lowest to the highest.

    `low_ms` None: the guest was not moved before, and `high_ms` is one pass over all of its memory; both None: not
    known. `bps` is the slowest that the link carried, `ends` whether that, or the limit asked for, is ENOUGH for what
    the guest wrote; None when that was not seen. Of a `paused` guest only the time is foreseen. `pauses`: its kind
    pauses the guest while memory is copied, so it always converges, and without disks the downtime is the time.
    `stops`: its kind shuts the guest down, and the downtime is from the request to shut down until it runs again;
    without `runs` it is what the options allow.
    """

    runs: int
    bps: float
    low_ms: float | None = None
    high_ms: float | None = None
    downtime_low_ms: int | None = None
    downtime_high_ms: int | None = None
    dirty_bps: int | None = None
    limit_bps: int | None = None
    ends: bool | None = None
    paused: bool = False
    pauses: bool = False
    stops: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Forecast | None:
        """What was foreseen once; {} when nothing was."""
        if not stored:
            return None
        return cls(**{field.name: stored[field.name] for field in fields(cls) if field.name in stored})


def forecast(
    runs: Sequence[Run],
    *,
    memory_bytes: int,
    with_disks: bool,
    paused: bool = False,
    pauses: bool = False,
    limit_bps: int | None = None,
) -> Forecast | None:
    """None without a run to learn from; the newest comes first. `memory_bytes`: what one pass has to send."""
    runs = [run for run in runs if run.tells][:MOST_RUNS]
    if not runs:
        return None
    carried = [run.bps for run in runs]
    slowest, fastest = (min(bps, limit_bps or bps) for bps in (min(carried), max(carried)))
    own = [run.transferred_bytes for run in runs if run.same_guest]
    low: float | None
    high: float | None
    if own:
        low, high = min(own) / fastest * 1000, max(own) / slowest * 1000
    else:  # how much is on its disks is not known before they were copied once
        low, high = None, None if with_disks else memory_bytes / slowest * 1000
    stood = [] if paused or pauses else [run.downtime_ms for run in runs if run.downtime_ms is not None]
    if pauses and not paused and not with_disks and low is not None and high is not None:
        stood = [int(low), int(high)]
    written = [run.dirty_bps for run in runs if run.same_guest and run.dirty_bps and not (paused or pauses)][:1]
    return Forecast(
        runs=len(runs),
        bps=min(carried),
        low_ms=low,
        high_ms=high,
        downtime_low_ms=min(stood, default=None),
        downtime_high_ms=max(stood, default=None),
        dirty_bps=written[0] if written else None,
        limit_bps=limit_bps,
        ends=slowest > written[0] * ENOUGH if written else None,
        paused=paused,
        pauses=pauses,
    )


def forecast_stop(interruptions: Sequence[int], *, patience_s: int) -> Forecast:
    """Of a VM that is shut down: from its own earlier ones (milliseconds, the newest first) or those of other VMs."""
    known = interruptions[:MOST_RUNS]
    return Forecast(
        runs=len(known),
        bps=0.0,
        downtime_low_ms=min(known, default=SOONEST_START_MS),
        downtime_high_ms=max(known, default=patience_s * 1000 + LATEST_START_MS),
        stops=True,
    )
