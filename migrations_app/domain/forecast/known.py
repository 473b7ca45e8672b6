"""What is known of a VM and its path right before a migration, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from hosts.facts.memory_use import MIB, DirtyRate
from migrations_app.domain.convergence.policy import LARGE_VM, MUST_FINISH
from migrations_app.domain.forecast.foreseen import DirtyFrom, Ending, Forecast, RateFrom
from migrations_app.domain.forecast.history import Run, Span, span
from migrations_app.domain.forecast.passes import Course, course
from migrations_app.domain.forecast.writing import Writing, writing

#: libvirt measures no shorter time
MEASURED_S = 1
#: libvirt's own, where nothing is asked for
ALLOWED_MS = 300
#: libvirt connects, starts QEMU and hands over
SET_UP_MS, HAND_OVER_MS = 300, 30
#: of the nominal rate of an interface: what a migration gets of it, from a busy path to one of its own
_OF_NOMINAL = Span(low=0.25, likely=0.8, high=0.95)
#: of what QEMU holds, what a VM has to send that never was watched: pages of zeros are not copied
_OF_MEMORY = Span(low=0.1, likely=0.4, high=1.0)
#: the rest is QEMU's own, about so much
_USUAL_OVERHEAD = 100 * MIB
#: sent, and still in the buffers of the path when the VM stops
_IN_BUFFERS = 2 * 1024 * 1024
#: what an earlier migration of the same VM took, or another between the same hosts, may be wrong by
_OWN_MARGIN, _OTHERS_MARGIN = 0.08, 0.15
#: the model is corrected by no more than this
_LEAST_RATIO, _MOST_RATIO = 0.5, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """`windows`: measurements of the dirty rate right before, () when none was made. `nominal_bps`: what the network
    interface of the migration calls its rate. `allowed_ms`: the downtime at the start, `most_ms`: what the policy may
    raise it to."""

    memory_bytes: int
    resident_bytes: int | None = None
    windows: tuple[DirtyRate, ...] = ()
    nominal_bps: float | None = None
    allowed_ms: int = ALLOWED_MS
    most_ms: int = ALLOWED_MS


def foresee(runs: Sequence[Run], known: Known, *, limit_bps: int | None = None) -> Forecast | None:
    """Of a running VM without disks to copy. None: not even the rate of the path is known."""
    own = [run for run in runs if run.same_guest]
    rate = path_rate(runs, known.nominal_bps, limit_bps)
    if rate is None:
        return None
    first = first_pass(runs, known)
    writes = writing(known.windows, own)
    seen = Forecast(
        runs=len(runs),
        bps=rate.low if limit_bps is None else min((run.bps for run in runs), default=rate.low),
        limit_bps=limit_bps,
        rate_bps=rate.likely,
        first_bytes=round(first.likely),
        resident_bytes=known.resident_bytes,
        rate_from=RateFrom.TRANSFERS if runs else RateFrom.NOMINAL,
    )
    if writes is None:  # one pass at least; what comes after it, nobody knows
        low = _ms(course(first.low, bps=rate.high, dirtied=lambda _: 0.0, allowed_s=known.allowed_ms / 1000))
        return replace(seen, low_ms=low if not own else None, high_ms=None)
    return _of_writing(seen, own, known, rate, first, writes, runs)


def _of_writing(
    seen: Forecast, own: Sequence[Run], known: Known, rate: Span, first: Span, writes: Writing, runs: Sequence[Run]
) -> Forecast:
    go = partial(_course, writes=writes, allowed_ms=known.allowed_ms)
    best = go(first.low, rate.high, writes.low_bps)
    likely = go(first.likely, rate.likely, writes.bps)
    worst = go(first.high, rate.low, writes.high_bps)
    sure = worst.ends and (bool(own) or not _may_hide(writes, known, rate))
    ending = Ending.CONVERGES if sure else Ending.UNCERTAIN if best.ends else Ending.NEEDS_HELP
    ratio = correction(runs, known.allowed_ms)
    stood = downtime(own or runs, known, rate)
    return replace(
        seen,
        verdict=ending,
        ends={Ending.CONVERGES: True, Ending.NEEDS_HELP: False}.get(ending),
        dirty_bps=round(writes.bps),
        dirty_low_bps=round(writes.low_bps),
        dirty_high_bps=round(writes.high_bps),
        hot_bytes=None if writes.hot_bytes is None else round(writes.hot_bytes),
        dirty_from=DirtyFrom.MEASURED if known.windows else DirtyFrom.EARLIER,
        low_ms=_ms(best) * ratio.low if best.ends else None,
        likely_ms=_ms(likely) * ratio.likely if likely.ends else None,
        high_ms=_ms(worst) * ratio.high if sure else None,
        downtime_low_ms=round(stood.low) if best.ends else None,
        downtime_high_ms=round(stood.high) if best.ends else None,
        correction=ratio.likely,
        proposes="" if ending is Ending.CONVERGES else _proposed(likely, rate.likely),
    )


def _may_hide(writes: Writing, known: Known, rate: Span) -> bool:
    """Whether a VM that was never seen in short passes may write the same memory again and again: what it writes in a
    second, it may write in any part of one too. It does no harm when it is copied within the allowed downtime."""
    return writes.bps > 0 and writes.high_bps * MEASURED_S > rate.low * known.allowed_ms / 1000


def _course(first_bytes: float, bps: float, dirty_bps: float, *, writes: Writing, allowed_ms: int) -> Course:
    return course(
        first_bytes,
        bps=bps,
        dirtied=lambda seconds: dirty_bps * seconds,
        hot_bytes=writes.hot_bytes,
        allowed_s=allowed_ms / 1000,
    )


def path_rate(runs: Sequence[Run], nominal_bps: float | None, limit_bps: int | None) -> Span | None:
    """By earlier transfers between the two hosts, else by what the interface calls its rate."""
    carried = span([run.first_bps for run in runs], margin=0.05)
    own = span([run.first_bps for run in runs if run.same_guest])
    if carried and own:
        carried = replace(carried, likely=own.likely)
    if carried is None and nominal_bps:
        carried = Span(
            low=nominal_bps * _OF_NOMINAL.low,
            likely=nominal_bps * _OF_NOMINAL.likely,
            high=nominal_bps * _OF_NOMINAL.high,
        )
    if carried is None or limit_bps is None:
        return carried
    return Span(
        low=min(carried.low, limit_bps), likely=min(carried.likely, limit_bps), high=min(carried.high, limit_bps)
    )


def first_pass(runs: Sequence[Run], known: Known) -> Span:
    """How much the first pass sends: as much of its memory as before; else what QEMU holds without what it held for
    itself with other VMs; else nobody knows."""
    memory, resident = known.memory_bytes, known.resident_bytes
    most = min(memory, resident or memory)
    own = span([run.share for run in runs if run.share is not None and run.same_guest], margin=_OWN_MARGIN)
    overhead = span([run.overhead for run in runs if run.overhead is not None])
    if own:
        low, likely, high = (share * memory for share in (own.low, own.likely, own.high))
    elif overhead and resident:
        low, likely, high = (resident - held for held in (overhead.high, overhead.likely, overhead.low))
        low, high = low * (1 - _OTHERS_MARGIN), high * (1 + _OTHERS_MARGIN)
    else:
        low, likely, high = _OF_MEMORY.low * most, max(most - _USUAL_OVERHEAD, _OF_MEMORY.likely * most), most
    low, likely, high = (min(max(found, _OF_MEMORY.low * most), most) for found in (low, likely, high))
    return Span(low=low, likely=likely, high=high)


def correction(runs: Sequence[Run], allowed_ms: int) -> Span:
    """By how much the model was wrong about earlier migrations of this VM between these hosts, else of other VMs."""
    for whose in (True, False):
        ratios = [ratio for run in runs if run.same_guest is whose and (ratio := _ratio(run, allowed_ms)) is not None]
        if ratios:
            likely = min(max(median(ratios), _LEAST_RATIO), _MOST_RATIO)
            return Span(low=min(likely, 1.0) * 0.95, likely=likely, high=max(likely, 1.0) * 1.05)
    return Span(low=0.9, likely=1.0, high=1.1)


def _ratio(run: Run, allowed_ms: int) -> float | None:
    """Truth by model, with what was seen of that migration while it ran."""
    if run.first_bytes is None or run.mean_dirty_bps is None:
        return None
    modelled = course(
        run.first_bytes,
        bps=run.first_bps,
        dirtied=lambda seconds: (run.mean_dirty_bps or 0) * seconds,
        allowed_s=allowed_ms / 1000,
    )
    return run.seconds * 1000 / _ms(modelled) if modelled.ends else None


def downtime(runs: Sequence[Run], known: Known, rate: Span) -> Span:
    """libvirt switches over when the rest takes no longer than is allowed; what is in the buffers comes on top."""
    top = max(known.allowed_ms, known.most_ms) * 1.25 + 100 + _IN_BUFFERS / rate.low * 1000
    low = float(HAND_OVER_MS)
    stood = [float(run.downtime_ms) for run in runs if run.downtime_ms is not None]
    return Span(
        low=min(low, *stood) if stood else low,
        likely=median(stood) if stood else top / 2,
        high=max(top, *stood) if stood else top,
    )


def _proposed(likely: Course, bps: float) -> str:
    needed_ms = likely.last_bytes / bps * 1000
    return LARGE_VM.name if needed_ms <= LARGE_VM.top_ms else MUST_FINISH.name


def _ms(seen: Course) -> float:
    return seen.seconds * 1000 + SET_UP_MS
