"""The task queues: how many tasks wait, and for how long the oldest does."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, Min
from django.utils import timezone
from django_q.models import OrmQ

from kvmweb.health.row import Row, State, age, graded
from kvmweb.serve.supervisor import CLUSTERS

_LONG_SECONDS = 30.0
_TOO_LONG_SECONDS = 300.0


def rows() -> Iterator[Row]:
    now = timezone.now()
    for name in CLUSTERS:
        # the lock of a task that waits is when it was queued; a worker that takes it sets it ahead
        waiting = OrmQ.objects.filter(key=name, lock__lte=now).aggregate(number=Count("pk"), since=Min("lock"))
        oldest = (now - waiting["since"]).total_seconds() if waiting["since"] else None
        yield waits(f"Queue {name}", waiting["number"], oldest)


def waits(name: str, number: int, oldest: float | None) -> Row:
    """`oldest`: seconds."""
    if not number or oldest is None:
        return Row(name, State.WELL, "No task waits.")
    text = f"1 task waits, for {age(oldest)}." if number == 1 else f"{number} tasks wait, the oldest for {age(oldest)}."
    return Row(name, graded(oldest, warning=_LONG_SECONDS, bad=_TOO_LONG_SECONDS), text)
