"""Keeps the journal small: deletes old signals and thins the progress of migrations."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from kvmweb.journal.models import Entry, EntryKind
from kvmweb.journal.thin import thinned

SIGNALS_KEPT = timedelta(hours=1)
#: a topic without new numbers for this long has ended
QUIET = timedelta(hours=1)
#: how far back a sweep searches for topics that have just become quiet; the first one of a process searches all
RECENT = timedelta(hours=3)
PROGRESS_KEPT = 400
#: of one that goes on, which is thinned when it has twice as many: after 20 minutes, and then less and less often
RUNNING_KEPT = 1200
EVERY_SECONDS = 60.0
#: rows per transaction: others want to write too
BATCH = 500
_last: float | None = None


def hook() -> None:
    """The watcher's hook: once a minute."""
    global _last
    now = time.monotonic()
    if _last is None or now - _last >= EVERY_SECONDS:
        first, _last = _last is None, now
        sweep(everything=first)


def sweep(*, everything: bool = True) -> None:
    """Delete old signals, and of each topic's progress all but so many rows."""
    now = timezone.now()
    _delete(Entry.objects.filter(kind=EntryKind.SIGNAL, created__lt=now - SIGNALS_KEPT).values_list("id", flat=True))
    progress = Entry.objects.filter(kind=EntryKind.PROGRESS).order_by()
    busy = set(progress.filter(created__gte=now - QUIET).values_list("topic", flat=True).distinct())
    rows = progress if everything else progress.filter(created__gte=now - RECENT)
    for topic in set(rows.values_list("topic", flat=True).distinct()):
        most = RUNNING_KEPT if topic in busy else PROGRESS_KEPT
        written = list(progress.filter(topic=topic).order_by("id").values_list("id", "created"))
        if len(written) > (2 * most if topic in busy else most):
            keep = set(thinned(written, most))
            _delete(pk for pk, _ in written if pk not in keep)


def _delete(ids: Iterable[int]) -> None:
    gone = list(ids)
    for start in range(0, len(gone), BATCH):
        Entry.objects.filter(pk__in=gone[start : start + BATCH]).delete()
