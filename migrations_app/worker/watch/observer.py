"""Observe: what both hosts say about the guest, and for how long they have been saying it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from hosts.facts.guest import GuestLook, JobKind
from migrations_app.domain.kinds import KIND
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.whereabouts import MIGRATION
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.steady_connection import SteadyConnection

#: by then what both hosts say has settled: the longest a hand-over takes; a host that is silent stays so
SETTLES_SECONDS = 10.0
SILENT_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One look at each host, both younger than the change of `returned`, which is what the call came back with.

    `at`: when it began, by time.monotonic(). `call_over`: the call came back in this process. `seconds`: for so long
    both hosts have been saying this; infinite when there is nothing to wait for any more.
    """

    source: GuestLook
    target: GuestLook
    returned: bool | None
    call_over: bool
    seconds: float
    at: float = 0.0


class Observer:
    def __init__(self, held: Held, source: SteadyConnection, target: SteadyConnection, mover: Mover | None) -> None:
        self._held = held
        self._source = source
        self._target = target
        self._mover = mover
        self._pauses = KIND[held.row.request.kind].pauses
        self._view: object = None
        self._view_since = time.monotonic()
        #: it needed a user before: the waiting was done then, and a look is only a look
        self._second = held.state is State.NEEDS_ATTENTION
        #: when the call was seen to have come back
        self.over_at: float | None = None

    @property
    def in_view(self) -> float:
        """Seconds since what the hosts say has changed."""
        return time.monotonic() - self._view_since

    def look(self) -> Observation:
        mover, guest, began = self._mover, self._held.guest, time.monotonic()
        over = mover is not None and not mover.running  # read before looking: the looks must be the younger
        returned = mover.returned if mover else None
        if over:
            self.call_is_over()
        source, target = self._source.look(guest), self._target.look(guest)
        seconds = self._seconds(source, target, returned)
        return Observation(source=source, target=target, returned=returned, call_over=over, seconds=seconds, at=began)

    def call_is_over(self) -> None:
        if self.over_at is None:
            self.over_at = time.monotonic()

    def _seconds(self, source: GuestLook, target: GuestLook, returned: bool | None) -> float:
        view = (_essence(source, pauses=self._pauses), _essence(target, pauses=self._pauses), returned)
        if view != self._view:
            self._view, self._view_since = view, time.monotonic()
        seconds = self.in_view
        settles = SETTLES_SECONDS if source.answered and target.answered else SILENT_SECONDS
        return math.inf if self._second and seconds >= settles else seconds


def _essence(look: GuestLook, *, pauses: bool) -> tuple[object, ...]:
    """What makes two looks the same view. In a switch-over QEMU answers now and then: that is no news. Of a guest that
    is paused for all of its copy (`pauses`) it is: its QEMU answers."""
    switches = look.reason == MIGRATION and not pauses
    job = JobKind.MIGRATION_OUT if look.job is JobKind.UNKNOWN and switches else look.job
    return (look.answered, look.present, look.state, look.reason, look.persistent, job)
