"""Decide: the outcome table of the migration's kind, given what both hosts say and what is written down."""

from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import JobKind, RunState
from migrations_app.domain.kinds import KIND
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord, Outcome
from migrations_app.domain.outcome.stayed import call_may_still_begin
from migrations_app.domain.outcome.whereabouts import ARRIVED, POST_COPY, POST_COPY_FAILED
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.call_hangs import call_hangs
from migrations_app.worker.steps.copy_own_file import own_files_copied
from migrations_app.worker.steps.start_guest import start_tried
from migrations_app.worker.watch.copied_disks import lost_disks
from migrations_app.worker.watch.elsewhere import elsewhere
from migrations_app.worker.watch.numbers import Numbers
from migrations_app.worker.watch.observer import Observation

_BY_HAND = "kvmweb does not remove it by itself after its migration needed a user."
ENDS = {Outcome.DONE: State.DONE, Outcome.FAILED: State.FAILED, Outcome.CANCELLED: State.CANCELLED}


class Judge:
    def __init__(
        self, held: Held, source: SteadyConnection, target: SteadyConnection, numbers: Numbers, mover: Mover | None
    ) -> None:
        self._held = held
        self._source = source
        self._target = target
        self._numbers = numbers
        self._mover = mover
        self._decide = KIND[held.row.request.kind].outcome
        #: to the worker before: libvirt tells its reason only once
        self._said_before: str = held.row.error.get("libvirt", "")
        self._attended = False
        #: why the guest was not started at the destination, where that is wanted
        self.start_error = ""
        #: why the definition that libvirt left at the source was not removed
        self.undefine_error = ""
        if held.state is State.NEEDS_ATTENTION:
            self.needed_a_user()

    def needed_a_user(self) -> None:
        """Nothing is started or removed by itself any more."""
        self._attended, self.start_error, self.undefine_error = True, _not_started(self._held), _BY_HAND

    def decide(self, seen: Observation, *, cancel: bool, gave_up: str = "") -> Decision:
        """An end is judged a second time, with what is asked only then. `gave_up`: why its policy has ended it."""
        self._note_there(seen)
        record = replace(self._record(seen, cancel), gave_up=gave_up)
        if self._job_is_over(seen, record):
            self._held.row.job_over = True  # written when a user is needed
        if seen.source.answered and seen.target.answered and not seen.source.active and not seen.target.active:
            record = replace(record, elsewhere=elsewhere(self._held.row))
        decision = self._decide(seen.source, seen.target, record)
        if decision.outcome is Outcome.DONE or Action.UNDEFINE_AT_SOURCE in decision.actions:
            record = replace(record, lost_disks=lost_disks(self._held.row, self._target))
        elif decision.outcome in ENDS:
            restarted = self._restarted()
            if restarted is None and self._held.row.source_run is not None:  # it has just fallen silent
                return Decision(outcome=Outcome.WAIT, sentence=decision.sentence)
            record = replace(record, restarted=restarted)
        else:
            return decision
        return self._decide(seen.source, seen.target, record)

    def _note_there(self, seen: Observation) -> None:
        """For good: what is seen later may be less."""
        row = self._held.row
        left = seen.source.state is RunState.SHUTOFF and seen.source.reason == ARRIVED and not row.kind_row.off
        if not row.seen_there and (seen.target.runs or left):
            self._held.update(seen_there=True)

    def _restarted(self) -> bool | None:
        """None: not known. Not one that has shut off since it was looked at, which the next look sees."""
        before = self._held.row.source_run
        now = self._source.ask(lambda c: c.run_number(self._held.guest)) if before is not None else None
        return None if now is None else now not in (-1, before)

    def _job_is_over(self, seen: Observation, record: JobRecord) -> bool:
        """After the call came back a source without a job has none of ours; an adopter has to wait and see. When
        libvirt itself has ended the call, one that is there is somebody else's, unless it is the rest of a post-copy.
        """
        if not seen.source.answered or record.call_running:
            return False
        if seen.source.job is JobKind.MIGRATION_OUT:
            in_post_copy = record.postcopy_used or seen.source.reason in (POST_COPY, POST_COPY_FAILED)
            return self._mover is not None and self._mover.refused and not in_post_copy
        if seen.source.job is not JobKind.NONE:
            return False
        return seen.call_over or not seen.source.active or seen.seconds >= call_may_still_begin(record)

    def _record(self, seen: Observation, cancel: bool) -> JobRecord:
        row, mover, persistent = self._held.row, self._mover, self._held.row.was_persistent is not False
        options = row.request.options.for_guest(persistent=persistent)
        return JobRecord(
            guest=self._held.guest,
            name=row.guest_name,
            source=row.source.name,
            target=row.target.name,
            was_paused=bool(row.was_paused),
            was_persistent=persistent,
            persist=options.persist,
            undefine_source=options.undefine_source,
            cancel_requested=cancel,
            created_volumes=tuple(volume["name"] for volume in row.created_volumes),
            own_files_copied=own_files_copied(self._held),
            call_returned=seen.returned,
            call_running=mover is not None and not seen.call_over,
            call_error=mover.error if mover and seen.call_over else self._said_before,
            call_hung=call_hangs(self._held),
            aborted=mover.aborted if mover and seen.call_over else False,
            seconds_in_this_view=seen.seconds,
            call_made=row.call_made,
            job_seen=self._numbers.begun,
            job_over=row.job_over,
            suspended=row.suspended,
            paused_by_policy=row.paused_by_policy,
            postcopy_used=row.post_copy_at is not None,
            resuming_seconds=mover.seconds if mover and mover.resumes else 0,
            too_early=self._numbers.too_early,
            pauses=KIND[row.request.kind].pauses,
            keep_paused=options.keep_paused,
            start_wanted=bool(options.start_after),
            start_tried=self._attended or start_tried(self._held),
            start_error=self.start_error,
            undefine_error=self.undefine_error,
            seen_there=row.seen_there,
            attended=self._attended,
            autostart=bool(row.source_autostart),
        )


def _not_started(held: Held) -> str:
    """For a look after a user was needed: nothing is started then."""
    said: str = held.row.error.get("cause", "") if start_tried(held) else ""
    return said or "kvmweb does not start a VM by itself after its migration needed a user."
