"""How long a migration may take, how long the downtime is, and whether it ends by itself: from what is known right
before (`known`), and from earlier migrations between the same two hosts (`history`). What is unknown stays unknown."""

from __future__ import annotations

from collections.abc import Sequence

from migrations_app.domain.forecast.foreseen import DirtyFrom, Ending, Forecast, RateFrom
from migrations_app.domain.forecast.history import MOST_RUNS, Run, newest
from migrations_app.domain.forecast.known import Known, Probed, foresee

__all__ = [
    "MOST_RUNS", "DirtyFrom", "Ending", "Forecast", "Known", "Probed", "RateFrom", "Run", "forecast", "forecast_stop",
]  # fmt: skip

#: a link that carries this much more than the guest writes lets it end
ENOUGH = 1.25
#: of a VM that is shut down, where none was measured: libvirt sends a definition and starts a VM in between these
SOONEST_START_MS, LATEST_START_MS = 5_000, 60_000


def forecast(
    runs: Sequence[Run],
    *,
    memory_bytes: int,
    with_disks: bool,
    paused: bool = False,
    pauses: bool = False,
    limit_bps: int | None = None,
    known: Known | None = None,
) -> Forecast | None:
    """None when nothing tells the rate of the path; the newest run comes first. `memory_bytes`: what one pass has to
    send. `known`: what was measured right before."""
    runs = newest(runs)
    watched = known and known.memory_bytes and (known.windows or not runs or any(run.first_bytes for run in runs))
    if known and watched and not (with_disks or paused or pauses):
        return foresee(runs, known, limit_bps=limit_bps)
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
