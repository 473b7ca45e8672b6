"""What is known of a VM and its path right before a migration, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median

from hosts.facts.memory_use import MIB, DirtyRate
from migrations_app.domain.forecast.foreseen import DirtyFrom, Ending, Forecast, RateFrom
from migrations_app.domain.forecast.history import Run, Span, span
from migrations_app.domain.forecast.passes import Course, course
from migrations_app.domain.forecast.proposal import NOTHING_REFUSED, Allowed, proposed
from migrations_app.domain.forecast.writing import Writing, writing

#: libvirt measures no shorter time
MEASURED_S = 1
#: libvirt's own, where nothing is asked for
ALLOWED_MS = 300
#: libvirt connects, starts QEMU and hands over
SET_UP_MS, HAND_OVER_MS = 300, 30
#: of what QEMU holds, what a VM has to send that never was watched: pages of zeros are not copied
_OF_MEMORY = Span(low=0.1, likely=0.4, high=1.0)
#: the rest is QEMU's own, about so much
_USUAL_OVERHEAD = 100 * MIB
#: of the nominal rate of an interface; the path may be narrower, hardly more than this
_LEAST_OF_NOMINAL = 0.01
#: sent, and still in the buffers of the path when the VM stops
_IN_BUFFERS = 2 * MIB
#: what an earlier migration of the same VM took, or another between the same hosts, may be wrong by
_OWN_MARGIN, _OTHERS_MARGIN = 0.08, 0.15
#: the same of the rate of the path
_RATE_MARGIN = 0.05
#: of what a probe stream carried: QEMU has to read and pack the memory too
_OF_PROBE = Span(low=0.7, likely=0.95, high=1.05)
#: the model is corrected by no more than this
_LEAST_RATIO, _MOST_RATIO = 0.5, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What a stream between the two hosts carried."""

    bps: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """`windows`: measurements of the dirty rate right before, () when none was made. `nominal_bps`: what the network
    interface of the migration calls its rate, `probed`: what a stream carried. `allowed_ms`: the downtime at the start,
    `most_ms`: what the policy may raise it to. `allowed`: what may be done to end it."""

    memory_bytes: int
    resident_bytes: int | None = None
    windows: tuple[DirtyRate, ...] = ()
    nominal_bps: float | None = None
    probed: Probed | None = None
    allowed_ms: int = ALLOWED_MS
    most_ms: int = ALLOWED_MS
    allowed: Allowed = NOTHING_REFUSED


def foresee(runs: Sequence[Run], known: Known, *, limit_bps: int | None = None) -> Forecast | None:
    """Of a running VM without disks to copy. None: not even a nominal rate of the path is known."""
    probed = known.probed if _is_newest(known.probed, runs) else None
    rate = _limited(_by_probe(probed), limit_bps) if probed else path_rate(runs, limit_bps)
    fastest = rate.high if rate else _least(known.nominal_bps, limit_bps)
    if not fastest:
        return None
    first, writes = first_pass(runs, known), writing(known.windows, [run for run in runs if run.same_guest])
    best = _course(first.low, fastest, writes.low_bps if writes else 0.0, known)
    seen = Forecast(
        runs=len(runs),
        bps=probed.bps if probed else min((run.bps for run in runs), default=known.nominal_bps or fastest),
        limit_bps=limit_bps,
        rate_bps=rate.likely if rate else fastest,
        first_bytes=round(first.likely),
        resident_bytes=known.resident_bytes,
        rate_from=RateFrom.PROBE if probed else RateFrom.TRANSFERS if rate else RateFrom.NOMINAL,
        rate_at=probed.at.isoformat(timespec="seconds") if probed else "",
        low_ms=_ms(best),
    )
    if writes is None:  # one pass at least; what comes after it, nobody knows
        return seen
    seen = replace(
        seen,
        verdict=Ending.UNCERTAIN if best.ends else Ending.NEEDS_HELP,
        ends=None if best.ends else False,
        low_ms=_ms(best) if best.ends else None,
        dirty_bps=round(writes.bps),
        dirty_low_bps=round(writes.low_bps),
        dirty_high_bps=round(writes.high_bps),
        dirty_from=DirtyFrom.MEASURED if known.windows else DirtyFrom.EARLIER,
    )
    if best.ends:
        low, high = downtime(runs, known, rate.low if rate else fastest * _LEAST_OF_NOMINAL)
        seen = replace(seen, downtime_low_ms=low, downtime_high_ms=high)
    if rate is None:  # the path carries no more than its nominal rate; how much less, nobody knows
        return seen if best.ends else _with_help(seen, best, fastest, known)
    return _over_known_path(seen, runs, known, rate, first, writes)


def _over_known_path(
    seen: Forecast, runs: Sequence[Run], known: Known, rate: Span, first: Span, writes: Writing
) -> Forecast:
    likely = _course(first.likely, rate.likely, writes.bps, known)
    worst = _course(first.high, rate.low, writes.high_bps, known)
    sure = worst.ends and (writes.in_passes or not _may_hide(writes, known, rate))
    ratio = correction(runs, known.allowed_ms)
    seen = replace(
        seen,
        low_ms=None if seen.low_ms is None else seen.low_ms * ratio.low,
        likely_ms=_ms(likely) * ratio.likely if likely.ends else None,
        high_ms=_ms(worst) * ratio.high if sure else None,
        correction=ratio.likely,
    )
    if sure:
        return replace(seen, verdict=Ending.CONVERGES, ends=True)
    return _with_help(seen, likely, rate.likely, known)


def _with_help(seen: Forecast, likely: Course, bps: float, known: Known) -> Forecast:
    found = proposed(round(likely.last_bytes / bps * 1000), known.allowed)
    return replace(seen, proposes=found.policy, proposes_by=found.by) if found else seen


def _may_hide(writes: Writing, known: Known, rate: Span) -> bool:
    """Whether a VM that was never seen in short passes may write the same memory again and again: what it writes in a
    second, it may write in any part of one too. It does no harm when it is copied within the allowed downtime."""
    return writes.high_bps * MEASURED_S > rate.low * known.allowed_ms / 1000


def _course(first_bytes: float, bps: float, dirty_bps: float, known: Known) -> Course:
    return course(first_bytes, bps=bps, dirty_bps=dirty_bps, allowed_s=known.allowed_ms / 1000)


def path_rate(runs: Sequence[Run], limit_bps: int | None) -> Span | None:
    """By earlier transfers between the two hosts."""
    carried = span([run.first_bps for run in runs], margin=_RATE_MARGIN)
    own = span([run.first_bps for run in runs if run.same_guest])
    if carried is None:
        return None
    return _limited(replace(carried, likely=(own or carried).likely), limit_bps)


def _by_probe(probed: Probed) -> Span:
    low, likely, high = (probed.bps * share for share in (_OF_PROBE.low, _OF_PROBE.likely, _OF_PROBE.high))
    return Span(low=low, likely=likely, high=high)


def _is_newest(probed: Probed | None, runs: Sequence[Run]) -> bool:
    """A migration that ended later knows better."""
    return probed is not None and not any(run.ended_at and run.ended_at > probed.at for run in runs)


def _limited(rate: Span, limit_bps: int | None) -> Span:
    low, likely, high = (min(bps, limit_bps or bps) for bps in (rate.low, rate.likely, rate.high))
    return Span(low=low, likely=likely, high=high)


def _least(bps: float | None, limit_bps: int | None) -> float | None:
    return min(bps, limit_bps) if bps and limit_bps else bps


def first_pass(runs: Sequence[Run], known: Known) -> Span:
    """How much the first pass sends: as much of its memory as before; else what QEMU holds without what it held for
    itself with other VMs; else nobody knows."""
    memory = known.memory_bytes
    resident = min(known.resident_bytes or memory, memory)
    own = span([run.share for run in runs if run.share is not None and run.same_guest], margin=_OWN_MARGIN)
    overhead = span([run.overhead for run in runs if run.overhead is not None])
    if own:
        grown = _grown(runs, known)
        low, likely, high = own.low * memory, own.likely * memory + grown, own.high * memory + grown
        return Span(low=low, likely=min(likely, memory), high=min(high, memory))
    least = _OF_MEMORY.low * resident
    if overhead and known.resident_bytes:
        low = (known.resident_bytes - overhead.high) * (1 - _OTHERS_MARGIN)
        likely = known.resident_bytes - overhead.likely
        high = (known.resident_bytes - overhead.low) * (1 + _OTHERS_MARGIN)
        low, likely, high = (min(max(found, least), resident) for found in (low, likely, high))
        return Span(low=low, likely=likely, high=high)
    likely = max(resident - _USUAL_OVERHEAD, _OF_MEMORY.likely * resident)
    return Span(low=least, likely=likely, high=_OF_MEMORY.high * resident)


def _grown(runs: Sequence[Run], known: Known) -> int:
    """How much more QEMU holds now than at the newest of the VM's earlier migrations, when it is more than a little."""
    held = next((run.resident_bytes for run in runs if run.same_guest and run.resident_bytes), None)
    if not held or (known.resident_bytes or 0) <= held * (1 + _OWN_MARGIN):
        return 0
    return (known.resident_bytes or 0) - held


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
    modelled = course(run.first_bytes, bps=run.first_bps, dirty_bps=run.mean_dirty_bps, allowed_s=allowed_ms / 1000)
    return run.seconds * 1000 / _ms(modelled) if modelled.ends else None


def downtime(runs: Sequence[Run], known: Known, slowest_bps: float) -> tuple[int, int]:
    """libvirt switches over when the rest takes no longer than is allowed; what is in the buffers comes on top, and
    what the hosts take to hand over, whichever the VM."""
    top = round(max(known.allowed_ms, known.most_ms) * 1.25 + 100 + _IN_BUFFERS / slowest_bps * 1000)
    stood = [run.downtime_ms for run in runs if run.downtime_ms is not None]
    return min([HAND_OVER_MS, *stood]), max([top, *stood])


def _ms(seen: Course) -> float:
    return seen.seconds * 1000 + SET_UP_MS
