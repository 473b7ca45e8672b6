"""Once a second: whose worker has fallen silent, what the queue has lost, what may start now.

Runs in the watcher. Silence is counted on this process's own monotonic clock, so that jumps of the wall clock and
clocks of other machines do not matter. It is not counted while the database takes no writes: a worker that cannot write
looks like one that is gone.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from django.db import DatabaseError, connection, transaction
from django.db.models import F

from kvmweb.database import hurried
from kvmweb.queue import enqueue
from migrations_app.domain.lifecycle import OWNED, State
from migrations_app.ledger.claims import HURRY_MS
from migrations_app.models import Migration
from migrations_app.worker.slots import may_begin

log = logging.getLogger(__name__)

SILENT_SECONDS = 5.0
ASK_AGAIN_SECONDS = 10.0
ATTENTION_SECONDS = 15.0


@dataclass(slots=True)
class _Seen:
    mark: tuple[object, ...]
    since: float
    asked: float | None = None


class Reconciler:
    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}
        self._writable = True

    def tick(self, now: float) -> None:
        active = list(Migration.objects.active().select_related("source", "target").order_by("pk"))
        self._seen = {row.pk: self._seen[row.pk] for row in active if row.pk in self._seen}
        owned = [row.pk for row in active if row.state in OWNED]
        if owned and not self._takes_writes(owned[0]):
            self._seen.clear()
            return
        for row in active:
            mark = (row.state, row.epoch, row.heartbeat)
            seen = self._seen.get(row.pk)
            if seen is None or seen.mark != mark:
                asked = seen.asked if seen else None
                seen = self._seen[row.pk] = _Seen(mark=mark, since=now, asked=asked)
            task = _due(row, now - seen.since)
            if task and (seen.asked is None or now - seen.asked >= ASK_AGAIN_SECONDS):
                seen.asked = now
                seen_as = (row.epoch, row.heartbeat) if task == "adopt_migration" else ()
                with transaction.atomic():
                    enqueue(f"migrations_app.tasks.{task}", row.pk, *seen_as, cluster="migrations")

    def _takes_writes(self, pk: int) -> bool:
        """Whether the database took a write just now, and the last time: what happened in between could be written."""
        before = self._writable
        try:
            with hurried(milliseconds=HURRY_MS):
                Migration.objects.filter(pk=pk).update(heartbeat=F("heartbeat"))
            self._writable = True
        except DatabaseError as error:
            self._writable = False
            if before:
                log.warning("the database takes no writes: %s. Silent workers are not counted meanwhile.", error)
            connection.close_if_unusable_or_obsolete()
        return self._writable and before


def _due(row: Migration, silent: float) -> str:
    """The task this migration needs now, "" when it is well."""
    if row.state in OWNED:
        return "adopt_migration" if not row.owner or silent >= SILENT_SECONDS else ""
    if row.state == State.NEEDS_ATTENTION:
        return "adopt_migration" if silent >= ATTENTION_SECONDS else ""
    if row.state == State.REQUESTED:
        return "run_migration" if silent >= SILENT_SECONDS else ""
    return "run_migration" if may_begin(row) else ""


_reconciler = Reconciler()


def tick() -> None:
    """The watcher's hook."""
    _reconciler.tick(time.monotonic())
