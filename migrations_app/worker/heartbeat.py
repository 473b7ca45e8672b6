"""Increments the heartbeat counter of a migration, from a thread, while the watch asks slow hosts."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Self

from django.db import DatabaseError, connection

from migrations_app.ledger import Claim, LostClaim, beat

log = logging.getLogger(__name__)
BEAT_SECONDS = 1.0


class Heartbeat:
    def __init__(self, held: Claim) -> None:
        self._held = held
        self._stop = threading.Event()
        self._lost = ""
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{held.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(5)

    def check(self) -> None:
        """Raise LostClaim when somebody else took over."""
        if self._lost:
            raise LostClaim(self._lost)

    def _run(self) -> None:
        try:
            while not self._stop.wait(BEAT_SECONDS):
                try:
                    beat(self._held)
                except LostClaim as lost:
                    self._lost = str(lost)
                    return
                except DatabaseError as error:
                    log.info("migration %s: a heartbeat was dropped: %s", self._held.pk, error)
                    connection.close_if_unusable_or_obsolete()
        finally:
            connection.close()
