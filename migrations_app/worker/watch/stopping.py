"""The watch over a VM that is shut down, sent to the destination as a definition, and started there."""

from __future__ import annotations

from dataclasses import replace

from django.utils import timezone

from hosts.calls.move import PeerHelper
from hosts.facts.guest import GuestLook, RunState
from kvmweb.ui.units import duration
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord, StopRecord
from migrations_app.models.migration import START_AGAIN
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.shut_down import ask_once_more, asked_to_shut_down
from migrations_app.worker.steps.start_guest import start_again, start_tried
from migrations_app.worker.watch.observer import Observation
from migrations_app.worker.watch.sending import SendingJudge, SendingWatch


class StopJudge(SendingJudge):
    """`back_error`: why it was not started again on the source."""

    back_error = ""

    def _record(self, seen: Observation, cancel: bool) -> JobRecord:
        # an offline migration has no job that could be seen
        record = super()._record(seen, cancel)
        return replace(record, start_wanted=True, job_seen=False, stop=self._stop(seen.source))

    def _stop(self, source: GuestLook) -> StopRecord:
        row, asked = self._held.row, asked_to_shut_down(self._held)
        since = row.shutdown_asked_at
        return StopRecord(
            asked=asked is not None,
            sure=asked is not None and asked.sure,
            seconds=(timezone.now() - since).total_seconds() if since else 0.0,
            patience_s=row.request.options.shutdown_patience_s,
            was_off=row.off_since is not None,
            other_run=source.runs and bool(self._restarted()),
            held_back=self.held_back,
            back_tried=start_tried(self._held, START_AGAIN),
            back_error=self.back_error,
            attended=self._attended,
        )


class StopWatch(SendingWatch):
    def __init__(
        self,
        held: Held,
        source: SteadyConnection,
        target: SteadyConnection,
        heart: Heartbeat,
        mover: Mover | None = None,
    ) -> None:
        super().__init__(held, source, target, heart, mover)
        self.judge: StopJudge = StopJudge(held, source, target, self.numbers, mover)
        if held.state is State.NEEDS_ATTENTION and start_tried(held, START_AGAIN):
            self.judge.back_error = held.row.error.get("cause", "")
        self._asked_again = False

    def _follow(self, decision: Decision, seen: Observation) -> bool:
        held = self.held
        self._measure(seen)
        if Action.SEND_DEFINITION in decision.actions:
            held.become(decision.state or held.state, decision.sentence)
            asked = asked_to_shut_down(held)
            return asked is not None and self._send(PeerHelper(asked.about["helper"]))
        if Action.START_AT_SOURCE in decision.actions:
            held.become(decision.state or held.state, decision.sentence)
            self.judge.back_error = start_again(held, self.source, self.target)
            return False
        if Action.SHUT_DOWN in decision.actions:
            self._ask_again()
        return super()._follow(decision, seen)

    def _measure(self, seen: Observation) -> None:
        row, now, look = self.held.row, timezone.now(), seen.source
        asked = row.shutdown_asked_at
        if asked is None:
            return
        if row.off_since is None and look.answered and look.present and look.state is RunState.SHUTOFF:
            self.held.update(off_since=now)
            took = duration((now - asked).total_seconds() * 1000)
            self.held.note(f"{row.guest_name} is shut off on {row.source}, {took} after it was asked.")
        if self.ending.interrupted_ms is None and seen.target.runs:
            self.ending.interrupted_ms = round((now - asked).total_seconds() * 1000)

    def _ask_again(self) -> None:
        asked = asked_to_shut_down(self.held)
        if asked is None or self._asked_again:
            return
        self._asked_again = True
        if error := ask_once_more(self.held, self.source, asked):
            self.held.note(error)
