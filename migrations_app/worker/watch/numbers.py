"""Observe: what libvirt counts while it copies."""

from __future__ import annotations

from hosts.facts.guest import GuestLook, JobStats
from migrations_app.domain.lifecycle import IN_FLIGHT, State
from migrations_app.domain.outcome.whereabouts import suspended_by_somebody
from migrations_app.domain.progress import Progress, advance, complete, refine
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection

#: what only a libvirt at work brings a migration to
_AT_WORK = IN_FLIGHT - {State.STARTING, State.VERIFYING}


class Numbers:
    """`phase` is what the job copies now. `too_early`: the memory's rate is not known yet, see JobRecord."""

    def __init__(self, held: Held, source: SteadyConnection) -> None:
        self._held = held
        self._source = source
        self._progress = Progress.from_json(held.row.progress)
        self._seen = bool(held.row.progress)
        self._allowed_ms: int | None = None
        self.phase = State.COPYING_MEMORY
        self.too_early = False

    @property
    def begun(self) -> bool:
        """libvirt was seen at work."""
        return self._seen or not _AT_WORK.isdisjoint(self._held.been)

    def read(self, source: GuestLook) -> None:
        """After a look that saw our job."""
        held = self._held
        stats = self._source.ask(lambda c: c.job(held.guest))
        if stats is None:
            return
        self.phase = refine(held.state, stats)
        self.too_early = self.phase is State.COPYING_DISKS or (self.too_early and not stats.memory_bps)
        self._note_suspend(source, stats)
        if source.runs and held.state is not State.NEEDS_ATTENTION:
            held.become(self.phase)
        asked = held.row.request.options.max_downtime_ms is not None
        if self._allowed_ms is None and (held.row.downtime_set or not asked):  # else it is about to change
            self._allowed_ms = self._source.ask(lambda c: c.max_downtime(held.guest))
        self._progress = advance(
            self._progress,
            stats,
            held.state,
            guest_memory_bytes=held.row.guest.memory_kib * 1024,
            allowed_downtime_ms=self._allowed_ms,
        )
        self._seen = True
        held.tick(self._progress.as_json())

    def completed(self, finished: JobStats | None) -> Progress:
        return complete(self._progress, finished)

    def _note_suspend(self, source: GuestLook, stats: JobStats) -> None:
        row = self._held.row
        suspended = suspended_by_somebody(source, stats, allowed_ms=self._allowed_ms)
        if suspended is not None and suspended is not row.suspended:
            self._held.update(suspended=suspended)
            did = "suspended" if suspended else "resumed"
            self._held.note(f"{row.guest_name} was {did} on {row.source} by somebody.")
