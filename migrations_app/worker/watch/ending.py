"""What follows when the hosts have said how a migration ended, up to the row's last state."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.utils import timezone

from hosts.facts.guest import JobStats
from migrations_app.domain.arrival import not_yet, runs_there
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Decision, Outcome
from migrations_app.domain.outcome.whereabouts import ARRIVED, WOKEN
from migrations_app.ledger import examine_later, keep_copies, start_again
from migrations_app.models import RollbackCopy
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
from migrations_app.worker.watch.before import has_agent
from migrations_app.worker.watch.judge import ENDS
from migrations_app.worker.watch.kept_copies import kept_copies
from migrations_app.worker.watch.numbers import Numbers
from migrations_app.worker.watch.observer import Observation, Observer
from migrations_app.worker.watch.pausing import Pausing
from migrations_app.worker.watch.returning import Returning, left_out_words
from migrations_app.worker.watch.saved_definition import tell_differences
from migrations_app.worker.watch.silence import Silence

#: a call whose guest has arrived is about to come back, and what it says belongs to the story; one that hangs does not
CALL_RETURNS_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Ending:
    held: Held
    source: SteadyConnection
    target: SteadyConnection
    observer: Observer
    numbers: Numbers
    silence: Silence
    pausing: Pausing
    returning: Returning
    mover: Mover | None
    carried_over: bool = False
    #: of a guest that is shut down: from the moment it was asked until it was seen running at the destination
    interrupted_ms: int | None = None
    _kept_suspended: bool = False
    _finished: JobStats | None = None
    _left_to_do: str = ""

    def follow(self, decision: Decision, seen: Observation, *, restart: bool) -> bool:
        """One step; True when it has ended, otherwise the hosts are asked again. `restart`: one that was stopped begins
        again, as another migration."""
        if self.pausing.still_paused(decision.outcome, seen):
            return False
        done = decision.outcome is Outcome.DONE
        where = (self.target, seen.target) if done else (self.source, seen.source)
        if not self.returning.to(*where):
            return False
        if self.held.row.suspended and not self._kept_suspended:
            self._keep_suspended(decision, seen)
        elif done and not self.carried_over:
            self._carry_over()
        else:
            self._end(decision, partial(self.returning.look_once_more, *where), restart=restart)
            return True
        return False

    def _keep_suspended(self, decision: Decision, seen: Observation) -> None:
        """libvirt resumes at the end what ran at the start, also when somebody suspended it meanwhile."""
        self._kept_suspended = True
        if decision.outcome is Outcome.DONE:
            keep_suspended(self.held, self.target, seen.target, woken=ARRIVED)
        else:
            keep_suspended(self.held, self.source, seen.source, woken=WOKEN)

    def _carry_over(self) -> None:
        """The guest was seen at the destination. Carry over what libvirt does not, then look once more."""
        held = self.held
        self.observer.call_is_over()
        if self.mover is not None:
            self.mover.over.wait(CALL_RETURNS_SECONDS)
        held.become(State.VERIFYING, f"{held.row.guest_name} has arrived. kvmweb asks both hosts once more.")
        self._finished = finished_job(self.target, self.source, held.guest)
        self._left_to_do = carry_over(held, self.source, self.target)
        self.carried_over = True

    def _end(self, decision: Decision, look_once_more: Callable[[], None], *, restart: bool) -> None:
        held = self.held
        fields: dict[str, Any] = {"timings": self._timings()}
        if decision.outcome is Outcome.DONE:
            tell_differences(held, self.target)
            fields["progress"] = self.numbers.completed(self._finished).as_json()
            stood = None if held.row.kind_row.starts_paused else self._finished  # nothing ran that could stand still
            libvirts = stood.downtime_ms if stood else None
            if held.row.post_copy_at is not None:
                libvirts = libvirts or None  # without a number of QEMU's it says 0
            fields["downtime_ms"] = libvirts if self.interrupted_ms is None else self.interrupted_ms
            if held.felt is not None:
                fields |= held.felt.told()
            decision = replace(with_new_name(held, decision), what_to_do=self._left_to_do)
            fields["arrival"] = self._to_examine()
            fields["also"] = partial(self._afterwards, kept_copies(held, self.source))
        else:
            decision = keep_at_source(held, decision, self.source, self.target)
        if decision.outcome is Outcome.CANCELLED and restart:
            fields["also"] = partial(start_again, held.row.pk)
        if decision.outcome is Outcome.FAILED:
            held_back = "" if held.row.call_made else held.row.error.get("cause", "")
            decision = replace(decision, cause=held_back or self.silence.cause(decision.cause))
        look_once_more()
        to_do = self.pausing.left, left_out_words(held), decision.what_to_do
        decision = replace(decision, what_to_do=" ".join(filter(None, to_do)))
        fields["error"] = error_of(decision)
        fields["waiting"] = {}
        held.become(ENDS[decision.outcome], decision.sentence, **fields)

    def _to_examine(self) -> list[dict[str, str]]:
        """What is tested once this is done: nothing that is said then may delay or change the end."""
        row = self.held.row
        if not runs_there(row.kind_row, row.request.options, was_paused=bool(row.was_paused)):
            return []
        return [found.as_json() for found in not_yet(has_agent=has_agent(row))]

    def _afterwards(self, copies: list[RollbackCopy]) -> None:
        """In the transaction of the end."""
        keep_copies(copies)
        if self._to_examine():
            examine_later(self.held.row.pk)

    def _timings(self) -> dict[str, float]:
        now, row = time.monotonic(), self.held.row
        verify = now - (self.observer.over_at or now)
        timings = {**row.timings, "verify": round(verify, 4)}
        if self.mover is not None and row.started_at:  # an adopter did not see when the job was over
            begun = timezone.now() - row.started_at
            timings["transfer"] = round(begun.total_seconds() - verify, 4)
        return timings


def error_of(decision: Decision) -> dict[str, str]:
    """What the row keeps of it."""
    told = {"cause": decision.cause, "what_to_do": decision.what_to_do, "libvirt": decision.libvirt}
    return told if any(told.values()) else {}
