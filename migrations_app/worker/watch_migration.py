"""The watch over a moving guest: the same loop for whoever started it and whoever adopted it.

Only `outcome.decide`, which sees what both hosts say, ends a migration.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

from django.utils import timezone

from hosts.facts.guest import GuestLook, JobKind, JobStats
from migrations_app.domain.lifecycle import IN_FLIGHT, TERMINAL, State
from migrations_app.domain.outcome import Action, Decision, JobRecord, Verdict, call_may_still_begin, decide
from migrations_app.domain.progress import Progress, advance, complete, refine
from migrations_app.domain.whereabouts import ARRIVED, MIGRATION, WOKEN, suspended_by_somebody
from migrations_app.models import Migration
from migrations_app.worker import ledger
from migrations_app.worker.copied_volumes import delete_own_volumes, lost_disks
from migrations_app.worker.elsewhere import elsewhere
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.ledger import Claim, LostClaim
from migrations_app.worker.lines import Line
from migrations_app.worker.mover import Mover
from migrations_app.worker.settle import carry_autostart, finished_job, keep_suspended

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.5
CANCEL_POLL_SECONDS = 0.1
#: a call whose guest has arrived is about to come back, and what it says belongs to the story; one that hangs does not
CALL_RETURNS_SECONDS = 1.0
ABORT_AGAIN_SECONDS = 2.0
#: a migration that needs a person is looked at again and again, this long each time at most
SECOND_LOOK_SECONDS = 15.0
#: by then what both hosts say has settled: the longest a hand-over takes; a host that is silent stays so
SETTLES_SECONDS = 10.0
SILENT_SECONDS = 1.0
_SETTLED = 1e6
#: what the hosts say for so long is told, also while the call runs
TELL_SECONDS = 2.0
_AT_WORK = IN_FLIGHT - {State.STARTING, State.VERIFYING}
_ENDS = {Verdict.DONE: State.DONE, Verdict.FAILED: State.FAILED, Verdict.CANCELLED: State.CANCELLED}


class Watch:
    """One migration from the call (or its adoption) to its end, or until the claim is lost."""

    def __init__(
        self,
        held: Claim,
        migration: Migration,
        source: Line,
        target: Line,
        heart: Heartbeat,
        mover: Mover | None = None,
    ) -> None:
        self.held = held
        self.migration = migration
        self.source = source
        self.target = target
        self.heart = heart
        self.mover = mover
        self.state = State(migration.state)
        self._uuid = str(migration.guest_id)
        self._progress = Progress.from_json(migration.progress)
        self._view: object = None
        self._view_since = self._began = time.monotonic()
        self._over_at: float | None = None
        #: libvirt was seen at work
        self._begun = bool(migration.progress) or self.state in _AT_WORK
        self._aborted_at = 0.0
        self._cancel = migration.cancel_requested_at is not None
        self._allowed_ms: int | None = None
        self._settled = False
        self._kept_suspended = False
        self._looks = GuestLook(answered=False), GuestLook(answered=False)
        self._finished: JobStats | None = None
        #: to the worker before: libvirt tells its reason only once
        self._said_before: str = migration.error.get("libvirt", "")
        self._left_to_do = ""
        self._phase = State.COPYING_MEMORY
        self._too_early = False
        self._next_look = time.monotonic()
        #: it needed a person before: the waiting was done then, and a look is only a look
        self._second = self.state is State.NEEDS_ATTENTION

    def run(self) -> None:
        """Returns when the migration has ended, or needs a person. Raises LostClaim."""
        while True:
            self.heart.check()
            self._read_cancel()
            decision = self._look()
            if self._follow(decision):
                return
            if not (decision.verdict is Verdict.DONE and self._settled):  # else look again at once
                self._pause()

    # --- looking ------------------------------------------------------------------------------------------------

    def _look(self) -> Decision:
        mover = self.mover
        over = mover is not None and not mover.running  # read before looking: the looks must be the younger
        returned = mover.returned if mover else None
        if over and self._over_at is None:
            self._over_at = time.monotonic()
        source, target = self._looks = self.source.look(self._uuid), self.target.look(self._uuid)
        if source.job is JobKind.MIGRATION_OUT and not self.migration.job_over:
            self._while_copying(source)
        seconds = self._seconds_in_view(source, target, returned)
        record = self._record(mover, returned, over, seconds)
        if self._job_is_over(source, over, record):
            self.migration.job_over = True
        if source.answered and target.answered and not source.active and not target.active:
            record = replace(record, elsewhere=elsewhere(self.migration))
        if self._cancel and (source.job is JobKind.UNKNOWN or not source.answered):
            ledger.note_once(self.held, f"The cancel waits until {self.migration.source}'s libvirt answers.")
        return self._judge(source, target, record)

    def _judge(self, source: GuestLook, target: GuestLook, record: JobRecord) -> Decision:
        """An end is judged a second time, with what is asked only then."""
        decision = decide(source, target, record)
        if decision.verdict is Verdict.DONE:
            return decide(source, target, replace(record, lost_disks=lost_disks(self.migration, self.target)))
        if decision.verdict in _ENDS:
            return decide(source, target, replace(record, restarted=self._restarted()))
        return decision

    def _restarted(self) -> bool:
        before = self.migration.source_run
        now = self.source.ask(lambda c: c.run_number(self._uuid)) if before is not None else None
        return now is not None and now != before

    def _seconds_in_view(self, source: GuestLook, target: GuestLook, returned: bool | None) -> float:
        view = (_essence(source), _essence(target), returned)
        now = time.monotonic()
        if view != self._view:
            self._view, self._view_since = view, now
        seconds = now - self._view_since
        settles = SETTLES_SECONDS if source.answered and target.answered else SILENT_SECONDS
        return _SETTLED if self._second and seconds >= settles else seconds

    def _job_is_over(self, source: GuestLook, over: bool, record: JobRecord) -> bool:
        """After the call came back a source without a job has none of ours; an adopter has to wait and see."""
        if not source.answered or source.job is not JobKind.NONE or record.call_running:
            return self.migration.job_over
        return over or not source.active or record.seconds_in_this_view >= call_may_still_begin(record)

    def _record(self, mover: Mover | None, returned: bool | None, over: bool, seconds: float) -> JobRecord:
        row, persistent = self.migration, self.migration.was_persistent is not False
        options = row.request.options.for_guest(persistent=persistent)
        return JobRecord(
            guest=self._uuid,
            name=row.guest_name,
            source=row.source.name,
            target=row.target.name,
            was_paused=bool(row.was_paused),
            was_persistent=persistent,
            persist=options.persist,
            undefine_source=options.undefine_source,
            cancel_requested=self._cancel,
            created_volumes=tuple(volume["name"] for volume in row.created_volumes),
            call_returned=returned,
            call_running=mover is not None and not over,
            call_error=mover.error if mover and over else self._said_before,
            aborted=mover.aborted if mover and over else False,
            seconds_in_this_view=seconds,
            call_made=row.call_made,
            job_seen=self._begun,
            job_over=row.job_over,
            suspended=row.suspended,
            too_early=self._too_early,
        )

    def _while_copying(self, source: GuestLook) -> None:
        self._limit_downtime()
        if self._cancel and time.monotonic() - self._aborted_at > ABORT_AGAIN_SECONDS:
            self._aborted_at = time.monotonic()
            self.source.ask(lambda c: c.abort(self._uuid))
        stats = self.source.ask(lambda c: c.job(self._uuid))
        if stats is None:
            return
        self._phase = refine(self.state, stats)
        self._too_early = self._phase is State.COPYING_DISKS or (self._too_early and not stats.memory_bps)
        self._note_suspend(source, stats)
        if source.runs and self.state is not self._phase and self.state is not State.NEEDS_ATTENTION:
            self._become(self._phase)
        asked = self.migration.request.options.max_downtime_ms is not None
        if self._allowed_ms is None and (self.migration.downtime_set or not asked):  # else it is about to change
            self._allowed_ms = self.source.ask(lambda c: c.max_downtime(self._uuid))
        self._progress = advance(
            self._progress,
            stats,
            self.state,
            guest_memory_bytes=self.migration.guest.memory_kib * 1024,
            allowed_downtime_ms=self._allowed_ms,
        )
        self._begun = True
        self.migration.progress = self._progress.as_json()
        ledger.tick(self.held, self.migration.progress)

    def _note_suspend(self, source: GuestLook, stats: JobStats) -> None:
        suspended = suspended_by_somebody(source, stats, allowed_ms=self._allowed_ms)
        if suspended is not None and suspended is not self.migration.suspended:
            self.migration.suspended = suspended
            ledger.update(self.held, suspended=suspended)
            did = "suspended" if suspended else "resumed"
            ledger.note(self.held, f"{self.migration.guest_name} was {did} on {self.migration.source} by somebody.")

    def _limit_downtime(self) -> None:
        """libvirt takes it only beside a running job, and may refuse in its first moments: until it was taken once."""
        limit = self.migration.request.options.max_downtime_ms
        if limit is None or self.migration.downtime_set:
            return
        if self.source.do(lambda c: c.set_max_downtime(self._uuid, limit)):
            self.migration.downtime_set = True
            ledger.update(self.held, downtime_set=True)

    # --- following the decision -----------------------------------------------------------------------------------

    def _follow(self, decision: Decision) -> bool:
        """Carry out what was decided; True when the watch is over."""
        if self.state is State.NEEDS_ATTENTION and not _clears(decision):
            return self._still_needs_attention(decision)
        match decision.verdict:
            case Verdict.IN_PROGRESS:
                self._follow_progress(decision)
            case Verdict.WAIT:
                if self.mover is None or not self.mover.running:
                    self._become(State.VERIFYING, decision.sentence)
                elif time.monotonic() - self._view_since >= TELL_SECONDS:
                    self._become(self.state, decision.sentence)
            case Verdict.NEEDS_ATTENTION:
                over = self.migration.job_over
                self._become(State.NEEDS_ATTENTION, decision.sentence, error=_error(decision), job_over=over)
                ledger.release(self.held)
                return True
            case _ if self.migration.suspended and not self._kept_suspended:
                self._keep_suspended(decision)
            case Verdict.DONE if not self._settled:
                self._settle(decision)
            case _:
                self._end(decision)
                return True
        return False

    def _follow_progress(self, decision: Decision) -> None:
        state = decision.state or self.state
        if state is State.COPYING_MEMORY:
            state = self._phase  # the job's numbers tell what it copies, the looks do not
        if state is not State.STARTING:
            self._become(state, decision.sentence)

    def _still_needs_attention(self, decision: Decision) -> bool:
        """Told anew when the hosts say something else now. What changes all the time is left to the next look."""
        judged = decision.verdict is Verdict.NEEDS_ATTENTION
        if not judged and time.monotonic() - self._began < SECOND_LOOK_SECONDS:
            return False
        row, error = self.migration, _error(decision)
        if judged and (row.state_text, row.error) != (decision.sentence, error):
            ledger.update(self.held, state_text=decision.sentence, error=error, job_over=row.job_over)
            if row.state_text != decision.sentence:
                ledger.note(self.held, decision.sentence)
        ledger.release(self.held)
        return True

    def _keep_suspended(self, decision: Decision) -> None:
        """libvirt resumes at the end what ran at the start, also when somebody suspended it meanwhile."""
        self._kept_suspended = True
        (source, target), row = self._looks, self.migration
        if decision.verdict is Verdict.DONE:
            keep_suspended(self.held, row, self.target, target, woken=ARRIVED)
        else:
            keep_suspended(self.held, row, self.source, source, woken=WOKEN)

    def _settle(self, decision: Decision) -> None:
        """The guest was seen at the destination. Carry over what libvirt does not, then look once more."""
        if self._over_at is None:
            self._over_at = time.monotonic()
        if self.mover is not None:
            self.mover.over.wait(CALL_RETURNS_SECONDS)
        self._become(State.VERIFYING, f"{self.migration.guest_name} has arrived. Both hosts are asked once more.")
        self._finished = finished_job(self.target, self.source, self._uuid)
        self._left_to_do = carry_autostart(self.held, self.migration, self.source, self.target)
        self._settled = True

    def _end(self, decision: Decision) -> None:
        row = self.migration
        fields: dict[str, Any] = {"timings": self._timings()}
        if decision.verdict is Verdict.DONE:
            fields["progress"] = complete(self._progress, self._finished).as_json()
            fields["downtime_ms"] = self._finished.downtime_ms if self._finished else None
            decision = replace(decision, what_to_do=self._left_to_do)
        elif Action.DELETE_OWN_VOLUMES in decision.actions:
            fields["created_volumes"] = delete_own_volumes(self.held, row, self.target)
        fields["error"] = _error(decision)
        self._become(_ENDS[decision.verdict], decision.sentence, **fields)

    def _timings(self) -> dict[str, float]:
        now = time.monotonic()
        over = self._over_at or now
        verify = now - over
        timings = {**self.migration.timings, "verify": round(verify, 4)}
        if self.mover is not None and self.migration.started_at:  # an adopter did not see when the job was over
            begun = timezone.now() - self.migration.started_at
            timings["transfer"] = round(begun.total_seconds() - verify, 4)
        return timings

    def _become(self, new: State, text: str = "", **fields: Any) -> None:
        if new is self.state:
            if text and text != self.migration.state_text:
                self.migration.state_text = text
                ledger.update(self.held, state_text=text)
            return
        if self.state is State.NEEDS_ATTENTION:
            fields = {"error": {}, **fields}  # what was advised then is not true any more
            if new not in TERMINAL | {State.VERIFYING}:
                self._become(State.VERIFYING, text)
        ledger.change_state(self.held, self.state, new, text, **fields)
        self.state, self.migration.state_text = new, text
        self._begun = self._begun or new in _AT_WORK

    # --- waiting --------------------------------------------------------------------------------------------------

    def _pause(self) -> None:
        """Until the next look is due; shorter when the call comes back or when somebody cancels."""
        until = self._next_look = max(time.monotonic(), self._next_look + LOOK_SECONDS)
        watched = self.mover if self.mover is not None and self.mover.running else None
        while (left := until - time.monotonic()) > 0:
            step = min(left, CANCEL_POLL_SECONDS)
            if watched is not None:
                if watched.over.wait(step):
                    return
            else:
                time.sleep(step)
            if self._read_cancel():
                return

    def _read_cancel(self) -> bool:
        """True when a person has just asked to cancel."""
        if self._cancel:
            return False
        row = ledger.patiently(
            lambda: (
                Migration.objects.filter(pk=self.held.pk, epoch=self.held.epoch)
                .values_list("cancel_requested_at")
                .first()
            )
        )
        if row is None:
            raise LostClaim(f"migration {self.held.pk} has another owner")
        self._cancel = row[0] is not None
        return self._cancel


def _essence(look: GuestLook) -> tuple[object, ...]:
    """What makes two looks the same view. In a switch-over QEMU answers now and then: that is no news."""
    job = JobKind.MIGRATION_OUT if look.job is JobKind.UNKNOWN and look.reason == MIGRATION else look.job
    return (look.answered, look.present, look.state, look.reason, look.persistent, job)


def _clears(decision: Decision) -> bool:
    """Whether a person is not needed any more: it has ended, or libvirt copies again."""
    if decision.verdict is Verdict.IN_PROGRESS:
        return decision.state is State.COPYING_MEMORY
    return decision.verdict in _ENDS


def _error(decision: Decision) -> dict[str, str]:
    told = {"cause": decision.cause, "what_to_do": decision.what_to_do, "libvirt": decision.libvirt}
    return told if any(told.values()) else {}
