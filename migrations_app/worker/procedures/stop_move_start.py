"""Stop, migrate, start: the guest is asked to shut down; what follows is the same for whoever takes it over."""

from __future__ import annotations

from functools import partial

from django.utils import timezone

from kvmweb.steps import NotDone
from migrations_app.domain.kinds import Kind
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.procedure import NotStarted, Procedure, Ready
from migrations_app.worker.procedures.live import helper
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.shut_down import ask_to_shut_down
from migrations_app.worker.watch.sending import follow
from migrations_app.worker.watch.stopping import StopWatch


class StopMoveStart:
    def begin(self, ready: Ready) -> None:
        held = ready.held
        if held.row.target.peer is None:
            raise NotStarted(f"{held.row.target} has no address for other hosts.")
        ready.mover()
        now = timezone.now()
        held.update(started_at=now, shutdown_asked_at=now, timings=held.row.timings)
        try:
            ask_to_shut_down(held, ready.source, helper(ready.facts))
        except NotDone as error:
            if error.certain:
                raise NotStarted(str(error)) from error
            held.note(str(error))

    def follow(
        self,
        held: Held,
        source: SteadyConnection,
        target: SteadyConnection,
        heart: Heartbeat,
        mover: Mover | None = None,
    ) -> None:
        follow(partial(StopWatch, held, source, target, heart), mover)

    def undo(self, held: Held, target: SteadyConnection) -> None:
        """Nothing is prepared."""


PROCEDURES: dict[Kind, Procedure] = {Kind.STOP_MOVE_START: StopMoveStart()}
