"""The loop, and what follows from each decision. Only the outcome table, which sees what both hosts say, ends it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from migrations_app.domain.lifecycle import State
from migrations_app.domain.orders.resume_post_copy import ORDER as RESUME
from migrations_app.domain.outcome.decision import Action, Decision, Outcome
from migrations_app.ledger import order_by_policy, refuse_restart
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.undefine import undefine_at_source
from migrations_app.worker.watch.afterwards import without_autostart
from migrations_app.worker.watch.converging import Converging
from migrations_app.worker.watch.ending import Ending, error_of
from migrations_app.worker.watch.judge import ENDS, Judge
from migrations_app.worker.watch.numbers import Numbers
from migrations_app.worker.watch.observer import Observation, Observer
from migrations_app.worker.watch.pausing import Pausing
from migrations_app.worker.watch.returning import Returning
from migrations_app.worker.watch.silence import Silence
from migrations_app.worker.watch.steering import Steering, TalkedTo, note_post_copy
from migrations_app.worker.watch.wake import Wake

LOOK_SECONDS = 0.5
ORDER_POLL_SECONDS = 0.1
#: a migration that needs a user is looked at again and again, this long each time at most
SECOND_LOOK_SECONDS = 15.0
#: what the hosts say for so long is told, also while the call runs
TELL_SECONDS = 2.0
POST_COPY = (State.POST_COPY, State.POST_COPY_FAILED)


class Watch:
    """One migration from the call (or its adoption) to its end, or until the claim is lost."""

    def __init__(
        self,
        held: Held,
        source: SteadyConnection,
        target: SteadyConnection,
        heart: Heartbeat,
        mover: Mover | None = None,
        told: TalkedTo | None = None,
    ) -> None:
        self.held = held
        self.source = source
        self.target = target
        self.heart = heart
        self.mover = mover
        self.observer = Observer(held, source, target, mover)
        self.steering = Steering(held, source, mover, told)
        self.numbers = Numbers(held, source, self.steering.limits)
        self.judge = Judge(held, source, target, self.numbers, mover)
        self.silence = Silence(held)
        self.wake = Wake(held, source, mover)
        self.pausing = Pausing(held, source, target)
        self.converging = Converging(held, source, self.steering.limits, self.pausing)
        self.ending = Ending(
            held=held,
            source=source,
            target=target,
            observer=self.observer,
            numbers=self.numbers,
            silence=self.silence,
            pausing=self.pausing,
            returning=Returning(held, source),
            mover=mover,
        )
        self._began = self._next_look = time.monotonic()

    def run(self) -> Mover | None:
        """Returns None when the migration has ended, or needs a user; the call that has resumed a post-copy, when that
        is to be watched instead. Raises LostClaim."""
        while True:
            self.heart.check()
            self.wake.forget()
            self.steering.news()
            seen = self.observer.look()
            self.silence.observe(seen)
            if self.held.felt is not None:
                self.held.felt.observe(seen.source, seen.at)
            numbers = self.numbers
            self.steering.act(
                seen.source,
                seen.target,
                settled=seen.seconds,
                memory_began=numbers.memory_began,
                flows=numbers.flows,
            )
            if self.steering.resumed is not None:
                return self.steering.resumed
            self.wake.listen(seen.source)
            self.numbers.read(seen.source)
            stopping = self.steering.cancel
            self.converging.act(seen.source, fresh=self.numbers.fresh, stopping=stopping)
            stopping = stopping or self.converging.stops
            decision = self.judge.decide(seen, cancel=stopping, gave_up=self.converging.gave_up)
            if self._follow(decision, seen):
                return None
            if not (decision.outcome is Outcome.DONE and self.ending.carried_over):  # else look again at once
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
        if held.state is State.NEEDS_ATTENTION and not clears(decision):
            return self._still_needs_attention(decision)
        match decision.outcome:
            case Outcome.IN_PROGRESS:
                self._follow_progress(decision)
            case Outcome.WAIT if Action.UNDEFINE_AT_SOURCE in decision.actions:
                held.become(State.VERIFYING, decision.sentence)
                self.judge.undefine_error = undefine_at_source(held, self.source, self.target)
            case Outcome.WAIT:
                if self.mover is None or not self.mover.running:
                    held.become(State.VERIFYING, decision.sentence)
                elif self.observer.in_view >= TELL_SECONDS:
                    held.become(held.state, decision.sentence)
            case Outcome.NEEDS_ATTENTION:
                self._needs_attention(decision)
                held.release()
                return True
            case _:
                restart = self.steering.restart or self.converging.restart
                return self.ending.follow(decision, seen, restart=restart)
        return False

    def _needs_attention(self, decision: Decision) -> None:
        held = self.held
        decision = without_autostart(held, self.source, decision)
        held.become(
            State.NEEDS_ATTENTION,
            decision.sentence,
            error=error_of(decision),
            job_over=held.row.job_over,
            also=partial(refuse_restart, held.row.pk),
        )

    def _follow_progress(self, decision: Decision) -> None:
        state = decision.state or self.held.state
        if state is State.COPYING_MEMORY:
            state = self.numbers.phase  # the job's numbers tell what it copies, the looks do not
        if state in POST_COPY:
            note_post_copy(self.held)
        if state is State.POST_COPY_FAILED:
            self.held.become(state, decision.sentence, error=error_of(decision), also=self._resumes_by_policy())
        elif state is not State.STARTING:
            self.held.become(state, decision.sentence)

    def _resumes_by_policy(self) -> Callable[[], None] | None:
        policy = self.held.row.policy_data
        if policy is None or policy.shadow or not policy.resume_post_copy:
            return None
        return partial(order_by_policy, self.held.row.pk, RESUME.what, policy.name)

    def _still_needs_attention(self, decision: Decision) -> bool:
        """Told anew when the hosts say something else now. What changes all the time is left to the next look."""
        judged = decision.outcome is Outcome.NEEDS_ATTENTION
        if not judged and time.monotonic() - self._began < SECOND_LOOK_SECONDS:
            return False
        if judged:
            tell_anew(self.held, self.source, decision)
        self.held.release()
        return True


def tell_anew(held: Held, source: SteadyConnection, decision: Decision) -> None:
    """That a user is still needed, when something else is to be said now."""
    row, error = held.row, error_of(without_autostart(held, source, decision))
    if (row.state_text, row.error) == (decision.sentence, error):
        return
    before = row.state_text
    held.update(state_text=decision.sentence, error=error, job_over=row.job_over)
    if before != decision.sentence:
        held.note(decision.sentence)


def clears(decision: Decision) -> bool:
    """Whether a user is not needed any more: it has ended, or libvirt copies again."""
    if decision.outcome is Outcome.IN_PROGRESS:
        return decision.state is State.COPYING_MEMORY or decision.state in POST_COPY
    return decision.outcome in ENDS
