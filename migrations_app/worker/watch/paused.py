"""The watch over the migration of a guest that is shut off: started paused, migrated, and ended before it ever ran."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from hosts.facts.guest import GuestLook, JobKind
from hosts.facts.paused import PausedGuest
from hosts.gateway.port import GatewayError, HostConnection
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord, PausedStart
from migrations_app.domain.outcome.whereabouts import AtDestination, at_destination
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.paused_guest import end_paused, started_paused
from migrations_app.worker.watch.cold import ColdWatch
from migrations_app.worker.watch.judge import Judge
from migrations_app.worker.watch.observer import Observation

log = logging.getLogger(__name__)

ABORT_AGAIN_SECONDS = 2.0


class NeverRan:
    """Observe: whether what is active on a host is the run that this migration started, and whether it ever ran. That
    it did is written down: no later look takes it back."""

    def __init__(self, held: Held, source: SteadyConnection, target: SteadyConnection) -> None:
        self._held = held
        self._source = source
        self._target = target
        self._started = started_paused(held)
        self._on: dict[str, HostConnection] = {}
        self._resumed = False
        self._aborted_at = float("-inf")
        self.trouble = ""

    def known(self, seen: Observation) -> PausedStart:
        started = self._started
        if started is None:
            return PausedStart(here=False, there=False)
        mark = started.about["mark"]
        here = self._is_ours(mark, self._source, seen.source) if seen.source.active else None
        arrived = seen.target.active and at_destination(seen.target) is not AtDestination.INCOMING
        there = self._is_ours(mark, self._target, seen.target) if arrived else None
        if self._resumed and (here or there):  # another run of it is nothing to this migration
            self._has_run()
        return PausedStart(
            begun=True, sure=started.sure, here=here, there=there, ran=self._held.row.ran, trouble=self.trouble
        )

    def stop_what_runs(self, seen: Observation) -> None:
        """It would arrive paused: whoever resumed it wants it to run where it is."""
        due = time.monotonic() - self._aborted_at > ABORT_AGAIN_SECONDS
        if self._held.row.ran and seen.source.job is JobKind.MIGRATION_OUT and not self._held.row.job_over and due:
            self._aborted_at = time.monotonic()
            self._source.do(lambda c: c.abort(self._held.guest))

    def _is_ours(self, mark: str, host: SteadyConnection, look: GuestLook) -> bool | None:
        try:
            found = host.call(lambda c: self._ask(host.host.name, c))
        except GatewayError as error:
            log.info("%s: %s", host.host.name, error.message)
            return None
        ours = found.mark == mark
        if ours and (found.ran or look.runs):
            self._has_run()
        return ours

    def _ask(self, name: str, connection: HostConnection) -> PausedGuest:
        if self._on.get(name) is not connection:
            connection.paused.listen(self._held.guest, self._told)
            self._on[name] = connection
        return connection.paused.look(self._held.guest)

    def _told(self) -> None:
        """In a thread of the gateway."""
        self._resumed = True

    def _has_run(self) -> None:
        if not self._held.row.ran:
            self._held.update(ran=True)
            self._held.note(f"{self._held.row.guest_name} was resumed, and has run. kvmweb does not stop it.")


class PausedJudge(Judge):
    never_ran: NeverRan

    def _record(self, seen: Observation, cancel: bool) -> JobRecord:
        return replace(super()._record(seen, cancel), paused=self.never_ran.known(seen))


class PausedWatch(ColdWatch):
    def __init__(
        self,
        held: Held,
        source: SteadyConnection,
        target: SteadyConnection,
        heart: Heartbeat,
        mover: Mover | None = None,
    ) -> None:
        super().__init__(held, source, target, heart, mover)
        self.never_ran = NeverRan(held, source, target)
        self.judge = judge = PausedJudge(held, source, target, self.numbers, mover)
        judge.never_ran = self.never_ran

    def _follow(self, decision: Decision, seen: Observation) -> bool:
        self.never_ran.stop_what_runs(seen)
        where = next((host for action, host in self._ends if action in decision.actions), None)
        if where is None:
            return super()._follow(decision, seen)
        self.held.become(decision.state or State.VERIFYING, decision.sentence)
        self.never_ran.trouble = end_paused(self.held, where)
        return False

    @property
    def _ends(self) -> tuple[tuple[Action, SteadyConnection], ...]:
        return (Action.END_PAUSED_AT_SOURCE, self.source), (Action.END_PAUSED_AT_DESTINATION, self.target)
