"""Keeps the journal small where it may be: signals are forgotten, the numbers of ended migrations are thinned."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from kvmweb.journal.models import Entry, Kind

SIGNALS_KEPT = timedelta(hours=1)
PROGRESS_UNTOUCHED = timedelta(hours=1)
PROGRESS_KEPT = 200
EVERY_SECONDS = 60.0
_last = 0.0


def hook() -> None:
    """The watcher's hook: once a minute."""
    global _last  # noqa: PLW0603  one watcher, one clock
    if time.monotonic() - _last >= EVERY_SECONDS:
        _last = time.monotonic()
        sweep()


def sweep() -> None:
    """Delete old signals; of each topic quiet for an hour keep at most PROGRESS_KEPT progress rows, evenly spread."""
    now = timezone.now()
    Entry.objects.filter(kind=Kind.SIGNAL, created__lt=now - SIGNALS_KEPT).delete()
    progress = Entry.objects.filter(kind=Kind.PROGRESS)
    recent = set(progress.filter(created__gte=now - PROGRESS_UNTOUCHED).values_list("topic", flat=True).distinct())
    for topic in progress.exclude(topic__in=recent).values_list("topic", flat=True).distinct():
        ids = list(progress.filter(topic=topic).order_by("id").values_list("id", flat=True))
        if len(ids) > PROGRESS_KEPT:
            step = (len(ids) - 1) / (PROGRESS_KEPT - 1)
            keep = {ids[round(step * place)] for place in range(PROGRESS_KEPT)}
            gone = [pk for pk in ids if pk not in keep]
            for start in range(0, len(gone), 500):
                Entry.objects.filter(pk__in=gone[start : start + 500]).delete()
