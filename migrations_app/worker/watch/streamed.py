"""The watch over a VM that is shut off, whose disks kvmweb copies itself before its definition migrates."""

from __future__ import annotations

import logging
from dataclasses import replace

from hosts.calls.move import PeerHelper
from hosts.facts.guest import GuestDetails
from hosts.gateway.port import GatewayError
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord, StreamRecord
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.watch.observer import Observation
from migrations_app.worker.watch.sending import SendingJudge, SendingWatch
from migrations_app.worker.watch.streaming import Streaming

log = logging.getLogger(__name__)


class StreamJudge(SendingJudge):
    streaming: Streaming

    def _record(self, seen: Observation, cancel: bool) -> JobRecord:
        # an offline migration has no job that could be seen
        trouble = self.held_back or self.streaming.trouble
        stream = StreamRecord(copied=self.streaming.copied, trouble=trouble)
        return replace(super()._record(seen, cancel), job_seen=False, stream=stream)


class StreamWatch(SendingWatch):
    def __init__(
        self,
        held: Held,
        source: SteadyConnection,
        target: SteadyConnection,
        heart: Heartbeat,
        mover: Mover | None = None,
    ) -> None:
        super().__init__(held, source, target, heart, mover)
        self.streaming = Streaming(held, source, target, heart, self.steering)
        self.judge: StreamJudge = StreamJudge(held, source, target, self.numbers, mover)
        self.judge.streaming = self.streaming

    def _follow(self, decision: Decision, seen: Observation) -> bool:
        if Action.COPY_DISKS in decision.actions:
            self.held.become(decision.state or State.COPYING_DISKS, decision.sentence)
            self.streaming.copy()
            return False
        if Action.SEND_DEFINITION in decision.actions:
            self.held.become(decision.state or State.SWITCHING_OVER, decision.sentence)
            return self._send(PeerHelper(self.held.row.stream["helper"]))
        return super()._follow(decision, seen)

    def _carry(self, details: GuestDetails) -> bool:
        """The last that is asked is whether the disks are still what was copied."""
        return super()._carry(details) and self._unchanged()

    def _unchanged(self) -> bool:
        try:
            self.streaming.trouble = self.streaming.changed()
        except GatewayError as error:
            log.info("%s", error.message)
            return False
        return not self.streaming.trouble
