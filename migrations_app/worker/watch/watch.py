"""The loop, and what follows from each decision. Only the outcome table, which sees what both hosts say, ends it."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Any

from django.utils import timezone

from hosts.facts.guest import JobStats
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Decision, Outcome
from migrations_app.domain.outcome.whereabouts import ARRIVED, WOKEN
from migrations_app.ledger import keep_copies
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.watch.afterwards import (
    carry_over,
    finished_job,
    keep_at_source,
    keep_suspended,
    with_new_name,
)
from migrations_app.worker.watch.judge import ENDS, Judge
from migrations_app.worker.watch.kept_copies import kept_copies
from migrations_app.worker.watch.numbers import Numbers
from migrations_app.worker.watch.observer import Observation, Observer
from migrations_app.worker.watch.saved_definition import tell_differences
from migrations_app.worker.watch.silence import Silence
from migrations_app.worker.watch.steering import Steering
from migrations_app.worker.watch.wake import Wake

LOOK_SECONDS = 0.5
ORDER_POLL_SECONDS = 0.1
#: a call whose guest has arrived is about to come back, and what it says belongs to the story; one that hangs does not
CALL_RETURNS_SECONDS = 1.0
#: a migration that needs a user is looked at again and again, this long each time at most
SECOND_LOOK_SECONDS = 15.0
#: what the hosts say for so long is told, also while the call runs
TELL_SECONDS = 2.0


class Watch:
    """One migration from the call (or its adoption) to its end, or until the claim is lost."""

    def __init__(
        self,
        held: Held,
        source: SteadyConnection,
        target: SteadyConnection,
        heart: Heartbeat,
        mover: Mover | None = None,
    ) -> None:
        self.held = held
        self.source = source
        self.target = target
        self.heart = heart
        self.mover = mover
        self.observer = Observer(held, source, target, mover)
        self.steering = Steering(held, source)
        self.numbers = Numbers(held, source, self.steering.limits)
        self.judge = Judge(held, source, target, self.numbers, mover)
        self.silence = Silence(held)
        self.wake = Wake(held, source, mover)
        self._began = self._next_look = time.monotonic()
        self._carried_over = False
        self._kept_suspended = False
        self._finished: JobStats | None = None
        self._left_to_do = ""

    def run(self) -> None:
        """Returns when the migration has ended, or needs a user. Raises LostClaim."""
        while True:
            self.heart.check()
            self.wake.forget()
            self.steering.news()
            seen = self.observer.look()
            self.silence.observe(seen)
            self.steering.act(seen.source, memory_began=self.numbers.memory_began)
            self.wake.listen(seen.source)
            self.numbers.read(seen.source)
            decision = self.judge.decide(seen, cancel=self.steering.cancel)
            if self._follow(decision, seen):
                return
            if not (decision.outcome is Outcome.DONE and self._carried_over):  # else look again at once
                self._pause()

    def _pause(self) -> None:
        """Until the next look is due; shorter when the call comes back, a pass begins or somebody gives an order."""
        until = self._next_look = max(time.monotonic(), self._next_look + LOOK_SECONDS)
        while (left := until - time.monotonic()) > 0:
            if self.wake.wait(min(left, ORDER_POLL_SECONDS)):
                self._next_look = time.monotonic()
                return
            if self.steering.news():
                self.source.hurry()
                self.target.hurry()
                return

    # --- following the decision -----------------------------------------------------------------------------------

    def _follow(self, decision: Decision, seen: Observation) -> bool:
        """Carry out what was decided; True when the watch is over."""
        held = self.held
        if held.state is State.NEEDS_ATTENTION and not _clears(decision):
            return self._still_needs_attention(decision)
        match decision.outcome:
            case Outcome.IN_PROGRESS:
                self._follow_progress(decision)
            case Outcome.WAIT:
                if self.mover is None or not self.mover.running:
                    held.become(State.VERIFYING, decision.sentence)
                elif self.observer.in_view >= TELL_SECONDS:
                    held.become(held.state, decision.sentence)
            case Outcome.NEEDS_ATTENTION:
                over = held.row.job_over
                held.become(State.NEEDS_ATTENTION, decision.sentence, error=_error(decision), job_over=over)
                held.release()
                return True
            case _ if held.row.suspended and not self._kept_suspended:
                self._keep_suspended(decision, seen)
            case Outcome.DONE if not self._carried_over:
                self._carry_over()
            case _:
                self._end(decision)
                return True
        return False

    def _follow_progress(self, decision: Decision) -> None:
        state = decision.state or self.held.state
        if state is State.COPYING_MEMORY:
            state = self.numbers.phase  # the job's numbers tell what it copies, the looks do not
        if state is not State.STARTING:
            self.held.become(state, decision.sentence)

    def _still_needs_attention(self, decision: Decision) -> bool:
        """Told anew when the hosts say something else now. What changes all the time is left to the next look."""
        judged = decision.outcome is Outcome.NEEDS_ATTENTION
        if not judged and time.monotonic() - self._began < SECOND_LOOK_SECONDS:
            return False
        row, error = self.held.row, _error(decision)
        if judged and (row.state_text, row.error) != (decision.sentence, error):
            before = row.state_text
            self.held.update(state_text=decision.sentence, error=error, job_over=row.job_over)
            if before != decision.sentence:
                self.held.note(decision.sentence)
        self.held.release()
        return True

    def _keep_suspended(self, decision: Decision, seen: Observation) -> None:
        """libvirt resumes at the end what ran at the start, also when somebody suspended it meanwhile."""
        self._kept_suspended = True
        if decision.outcome is Outcome.DONE:
            keep_suspended(self.held, self.target, seen.target, woken=ARRIVED)
        else:
            keep_suspended(self.held, self.source, seen.source, woken=WOKEN)

    def _carry_over(self) -> None:
        """The guest was seen at the destination. Carry over what libvirt does not, then look once more."""
        self.observer.call_is_over()
        if self.mover is not None:
            self.mover.over.wait(CALL_RETURNS_SECONDS)
        self.held.become(State.VERIFYING, f"{self.held.row.guest_name} has arrived. kvmweb asks both hosts once more.")
        self._finished = finished_job(self.target, self.source, self.held.guest)
        self._left_to_do = carry_over(self.held, self.source, self.target)
        self._carried_over = True

    def _end(self, decision: Decision) -> None:
        fields: dict[str, Any] = {"timings": self._timings()}
        if decision.outcome is Outcome.DONE:
            tell_differences(self.held, self.target)
            fields["progress"] = self.numbers.completed(self._finished).as_json()
            fields["downtime_ms"] = self._finished.downtime_ms if self._finished else None
            decision = replace(with_new_name(self.held, decision), what_to_do=self._left_to_do)
            fields["also"] = partial(keep_copies, kept_copies(self.held, self.source))
        else:
            decision = keep_at_source(self.held, decision, self.source, self.target)
        if decision.outcome is Outcome.FAILED:
            decision = replace(decision, cause=self.silence.cause(decision.cause))
        fields["error"] = _error(decision)
        fields["waiting"] = {}
        self.held.become(ENDS[decision.outcome], decision.sentence, **fields)

    def _timings(self) -> dict[str, float]:
        now, row = time.monotonic(), self.held.row
        verify = now - (self.observer.over_at or now)
        timings = {**row.timings, "verify": round(verify, 4)}
        if self.mover is not None and row.started_at:  # an adopter did not see when the job was over
            begun = timezone.now() - row.started_at
            timings["transfer"] = round(begun.total_seconds() - verify, 4)
        return timings


def _clears(decision: Decision) -> bool:
    """Whether a user is not needed any more: it has ended, or libvirt copies again."""
    if decision.outcome is Outcome.IN_PROGRESS:
        return decision.state is State.COPYING_MEMORY
    return decision.outcome in ENDS


def _error(decision: Decision) -> dict[str, str]:
    told = {"cause": decision.cause, "what_to_do": decision.what_to_do, "libvirt": decision.libvirt}
    return told if any(told.values()) else {}
