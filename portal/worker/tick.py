"""Once a second: which requests have to be looked at. Runs in the watcher."""

from __future__ import annotations

import time

from django.db import transaction
from django.utils import timezone

from kvmweb.queue import enqueue
from portal.domain.states import NOT_BEGUN
from portal.models import Request

#: the queue may be long, or have lost the task
ASK_AGAIN_SECONDS = 10.0
_asked: dict[tuple[int, int], float] = {}


def tick() -> None:
    """The watcher's hook: one query when nothing is due."""
    now = time.monotonic()
    rows = Request.objects.filter(state__in=NOT_BEGUN, look_at__lte=timezone.now())
    due = list(rows.order_by("pk").values_list("pk", "epoch"))
    for known in _asked.keys() - set(due):
        del _asked[known]
    for pk, epoch in due:
        if now - _asked.get((pk, epoch), float("-inf")) >= ASK_AGAIN_SECONDS:
            _asked[pk, epoch] = now
            with transaction.atomic():
                enqueue("portal.tasks.advance", pk)
