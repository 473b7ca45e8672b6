"""Keeps the journal small: deletes old signals and thins the progress of ended migrations."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from kvmweb.journal.models import Entry, EntryKind

SIGNALS_KEPT = timedelta(hours=1)
#: a topic without new numbers for this long has ended
QUIET = timedelta(hours=1)
#: how far back a sweep searches for topics that have just become quiet; the first one of a process searches all
RECENT = timedelta(hours=3)
PROGRESS_KEPT = 200
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
    """Delete old signals; of each quiet topic keep PROGRESS_KEPT progress rows, the first, the last, evenly between."""
    now = timezone.now()
    _delete(Entry.objects.filter(kind=EntryKind.SIGNAL, created__lt=now - SIGNALS_KEPT).values_list("id", flat=True))
    progress = Entry.objects.filter(kind=EntryKind.PROGRESS).order_by()
    busy = set(progress.filter(created__gte=now - QUIET).values_list("topic", flat=True).distinct())
    rows = progress if everything else progress.filter(created__gte=now - RECENT)
    for topic in set(rows.values_list("topic", flat=True).distinct()) - busy:
        ids = list(progress.filter(topic=topic).order_by("id").values_list("id", flat=True))
        if len(ids) > PROGRESS_KEPT:
            _thin(ids)


def _thin(ids: list[int]) -> None:
    step = (len(ids) - 1) / (PROGRESS_KEPT - 1)
    keep = {ids[round(step * place)] for place in range(PROGRESS_KEPT)}
    _delete(pk for pk in ids if pk not in keep)


def _delete(ids: Iterable[int]) -> None:
    gone = list(ids)
    for start in range(0, len(gone), BATCH):
        Entry.objects.filter(pk__in=gone[start : start + BATCH]).delete()
