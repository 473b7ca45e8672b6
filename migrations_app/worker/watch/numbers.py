"""Observe: what libvirt counts while it copies."""

from __future__ import annotations

import time
from dataclasses import replace

from hosts.facts.guest import GuestLook, JobKind, JobStats
from migrations_app.domain import progress
from migrations_app.domain.forecast import Forecast
from migrations_app.domain.kinds import KIND
from migrations_app.domain.lifecycle import IN_FLIGHT, State
from migrations_app.domain.outcome.whereabouts import (
    POST_COPY_FAILED,
    suspended_before_the_pause,
    suspended_by_somebody,
)
from migrations_app.domain.progress import Progress, advance, complete, refine, standing_still
from migrations_app.worker.held import Held
from migrations_app.worker.policy_start import options_in_effect
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.watch.limits import Limits

#: what only a libvirt at work brings a migration to
_AT_WORK = IN_FLIGHT - {State.STARTING, State.VERIFYING}


class Numbers:
    """`phase` is what the job copies now, `memory_began`: it was seen to copy memory. `too_early`: the memory's rate is
    not known yet, see JobRecord. `fresh`: libvirt has answered after the last look, and counts memory. `flows`: memory
    follows, although libvirt says that the post-copy has failed."""

    def __init__(self, held: Held, source: SteadyConnection, limits: Limits) -> None:
        self._held = held
        self._source = source
        self._limits = limits
        self._progress = Progress.from_json(held.row.progress)
        self._seen = bool(held.row.progress)
        self._foreseen = Forecast.from_json(held.row.forecast)
        self._pauses = KIND[held.row.request.kind].pauses
        self._read_at = time.monotonic()
        self._sent: int | None = None
        self._sent_at = time.monotonic()
        self._told_still = False
        #: since that was told, some bytes came
        self._came = False
        self.phase = State.COPYING_MEMORY
        self.memory_began = self.fresh = self.flows = False
        #: while libvirt says that: what it counted at the look before, and whether that was more than before
        self._broken_sent: int | None = None
        self._grew = False
        self.too_early = False

    @property
    def begun(self) -> bool:
        """libvirt was seen at work."""
        return self._seen or not _AT_WORK.isdisjoint(self._held.been)

    def read(self, source: GuestLook) -> None:
        """After a look at the source."""
        held = self._held
        ours = source.job is JobKind.MIGRATION_OUT and not held.row.job_over
        broken = source.reason == POST_COPY_FAILED  # libvirt repeats the rate it had
        stats = self._source.ask(lambda c: c.job(held.guest)) if ours else None
        self._watch_broken(stats if broken else None)
        stats = None if broken else stats
        self.fresh = stats is not None and bool(stats.memory_total)
        if stats is None:
            self._forget_rate(at_once=broken)
            return
        self._read_at = time.monotonic()
        self.phase = refine(held.state, stats)
        self.memory_began = bool(stats.memory_total)
        self.too_early = self.phase is State.COPYING_DISKS or (self.too_early and not stats.memory_bps)
        self._note_suspend(source, stats)
        if source.runs and held.state is not State.NEEDS_ATTENTION:
            held.become(self.phase)
        needed = self._progress.needed_downtime_ms
        self._progress = advance(
            self._progress,
            stats,
            held.state,
            guest_memory_bytes=held.row.guest.memory_kib * 1024,
            allowed_downtime_ms=self._allowed_ms,
            foreseen=self._foreseen,
        )
        if not source.runs:  # the last pages say nothing about what was needed
            self._progress = replace(self._progress, needed_downtime_ms=needed)
        self._seen = True
        self._progress = standing_still(self._progress, self._silent_ms(stats))
        held.tick(self._progress.as_json())

    def _watch_broken(self, stats: JobStats | None) -> None:
        """Once more may be what libvirt counts when it gives up the connection; twice in a row is memory."""
        sent = stats.memory_processed if stats else None
        before, self._broken_sent = self._broken_sent, sent
        grows = sent is not None and before is not None and sent > before
        self.flows, self._grew = grows and self._grew, grows

    @property
    def _allowed_ms(self) -> int | None:
        """None also while the downtime that was asked for is not set yet."""
        row, known = self._held.row, self._limits.known
        if known is None or self._pauses or not (row.downtime_set or options_in_effect(row).max_downtime_ms is None):
            return None
        return known.max_downtime_ms

    def completed(self, finished: JobStats | None) -> Progress:
        return complete(self._progress, finished)

    def _forget_rate(self, *, at_once: bool) -> None:
        """Numbers that nobody has read for a while say nothing about now."""
        young = (time.monotonic() - self._read_at) * 1000 < progress.STALL_MS
        if self._progress.rate_bps is None or (young and not at_once):
            return
        self._progress = advance(self._progress, None, self._held.state)
        self._held.tick(self._progress.as_json())

    def _silent_ms(self, stats: JobStats) -> int:
        """How long no byte has come, by our own clock; told once, and when they come again. What comes once may be what
        libvirt counts when it gives up the connection."""
        now, sent = time.monotonic(), (stats.memory_processed or 0) + (stats.disk_processed or 0)
        silent = now - self._sent_at
        if sent != self._sent:
            self._sent = sent
            if self._told_still and not self._came:
                self._came = True
                return round(silent * 1000)
            if self._told_still:
                self._held.note(f"Data is transferred again, after {silent:.0f} s without any.")
            self._sent_at, self._told_still, self._came = now, False, False
            return 0
        if silent * 1000 >= progress.SAY_MS and not self._told_still:
            self._told_still = True
            row = self._held.row
            self._held.note(f"No data has been transferred from {row.source} to {row.target} for {silent:.0f} s.")
        return round(silent * 1000)

    def _note_suspend(self, source: GuestLook, stats: JobStats) -> None:
        row = self._held.row
        if row.paused_by_policy:
            return
        if self._pauses:
            suspended = suspended_before_the_pause(source, stats)
        else:
            suspended = suspended_by_somebody(source, stats, allowed_ms=self._allowed_ms)
        if suspended is not None and suspended is not row.suspended:
            self._held.update(suspended=suspended)
            did = "suspended" if suspended else "resumed"
            self._held.note(f"Somebody {did} {row.guest_name} on {row.source}.")
