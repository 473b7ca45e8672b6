"""Preflights that no worker answers, and those that nobody needs any more."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from migrations_app.models import Preflight

#: a check takes seconds; a worker that was killed in it never answers
PATIENCE = timedelta(seconds=60)
#: a report is about what the hosts said then: nobody starts a migration on yesterday's
KEPT = timedelta(days=1)
LOST = "No worker answered within 60 s. Check again; if this happens again, kvmweb's workers are not running."
SWEEP_SECONDS = 600.0
_swept = float("-inf")


def answered(preflight: Preflight) -> Preflight:
    """The row; one that has waited too long is answered here, so that nobody waits for ever."""
    if preflight.seen_at is None and timezone.now() - preflight.asked > PATIENCE:
        waiting = Preflight.objects.filter(pk=preflight.pk, seen_at=None)
        waiting.update(seen_at=timezone.now(), error=LOST, definition="")
        preflight.refresh_from_db()
    return preflight


def sweep() -> None:
    """The watcher's hook."""
    global _swept
    if time.monotonic() - _swept >= SWEEP_SECONDS:
        _swept = time.monotonic()
        Preflight.objects.filter(asked__lt=timezone.now() - KEPT).delete()
