"""Observe: how much of the disks is copied, by QEMU or by kvmweb."""

from __future__ import annotations

from django.utils import timezone

from hosts.facts.disk_copy import GuestDisks
from hosts.facts.guest import JobKind, JobStats
from migrations_app.domain.lifecycle import State
from migrations_app.domain.progress import Progress, advance, complete
from migrations_app.worker.held import Held


class CopyNumbers:
    """`size`: of what kvmweb reads, in bytes; None when that is the disks as they were written down."""

    def __init__(self, held: Held, size: int | None = None) -> None:
        self._held = held
        self._size = size
        self._progress = Progress.from_json(held.row.progress)
        self._read = 0

    def qemu(self, seen: GuestDisks | None) -> None:
        """After a look: what QEMU has copied."""
        if seen and (jobs := seen.jobs.values()):
            self._tick(sum(job.done for job in jobs), sum(job.total for job in jobs))

    def begin_at(self, read: int) -> None:
        """So much was read before."""
        self._read = read

    def read_more(self, more: int) -> None:
        self._read += more

    def own(self) -> None:
        """What kvmweb has read: each disk once from the old and once from the new volume."""
        size = sum(map(_size, self._held.row.source_disks)) if self._size is None else self._size
        total = 2 * size
        self._tick(min(self._read, total), total)

    def completed(self) -> Progress:
        return complete(self._progress, None)

    def _tick(self, done: int, total: int) -> None:
        elapsed = timezone.now() - (self._held.row.started_at or timezone.now())
        stats = JobStats(
            kind=JobKind.OTHER,
            elapsed_ms=round(elapsed.total_seconds() * 1000),
            disk_total=total,
            disk_processed=done,
            disk_remaining=total - done,
        )
        self._progress = advance(self._progress, stats, State.COPYING_DISKS, guest_memory_bytes=None)
        self._held.tick(self._progress.as_json())


def _size(disk: dict[str, int | str | None]) -> int:
    """Bytes of its file: an image is about as large as what it uses."""
    size = disk["size"] if disk["format"] == "raw" else disk["allocated"]
    return int(size or 0)
