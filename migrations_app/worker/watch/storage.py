"""The watch over disks that go to another place on their host: look, decide, act, until the host says that it is over.

QEMU copies without kvmweb, so whoever adopts the migration continues where the host is.
"""

from __future__ import annotations

import math
import time
from functools import partial
from typing import Any

from migrations_app.domain.kinds import KIND
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import patience
from migrations_app.domain.outcome.decision import Action, At, Decision, DiskNow, JobRecord, Outcome
from migrations_app.ledger import keep_copies
from migrations_app.models import Verification
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.watch.copy_numbers import CopyNumbers
from migrations_app.worker.watch.judge import ENDS
from migrations_app.worker.watch.kept_copies import kept_copies
from migrations_app.worker.watch.observer import SETTLES_SECONDS, SILENT_SECONDS, Observation
from migrations_app.worker.watch.placed_disks import DisksSeen, disks_now, look
from migrations_app.worker.watch.placing import Placing, remove_unused
from migrations_app.worker.watch.saved_definition import tell_differences
from migrations_app.worker.watch.silence import Silence
from migrations_app.worker.watch.steering import Steering
from migrations_app.worker.watch.watch import LOOK_SECONDS, ORDER_POLL_SECONDS, SECOND_LOOK_SECONDS, TELL_SECONDS


class StorageWatch:
    def __init__(self, held: Held, host: SteadyConnection, heart: Heartbeat) -> None:
        self.held = held
        self.host = host
        self.heart = heart
        self.steering = Steering(held, host)
        self.silence = Silence(held)
        self.placing = Placing(held, host, self._read_more, trouble=held.row.error.get("libvirt", ""))
        self.numbers = CopyNumbers(held)
        self._decide = KIND[held.row.request.kind].outcome
        #: it needed a user before: the waiting was done then
        self._second = held.state is State.NEEDS_ATTENTION
        self._began = self._view_since = time.monotonic()
        self._view: object = None
        self._before: Decision | None = None
        self._read_at = time.monotonic()

    def run(self) -> None:
        """Returns when the migration has ended, or needs a user. Raises LostClaim."""
        while True:
            self.heart.check()
            self.steering.news()
            seen = look(self.held.row, self.host)
            disks = disks_now(self.held.row, seen.disks) if seen.disks else ()
            seconds = self._seconds(seen, disks)
            self.silence.observe(
                Observation(source=seen.look, target=seen.look, returned=None, call_over=False, seconds=seconds)
            )
            self.steering.act(seen.look, seen.look, memory_began=False)
            self.numbers.qemu(seen.disks)
            decision = self._decide(seen.look, seen.look, self._record(seen, disks, seconds))
            if self._follow(decision, disks):
                return
            if not decision.actions or decision == self._before:  # else look again at once
                self._pause()
            self._before = decision

    # --- observe ----------------------------------------------------------------------------------------------------

    def _seconds(self, seen: DisksSeen, disks: tuple[DiskNow, ...]) -> float:
        """For how long the host has been saying this."""
        view = (seen.look.answered, seen.look.present, seen.look.state, seen.disks and seen.disks.run, disks)
        if view != self._view:
            self._view, self._view_since = view, time.monotonic()
        seconds = self._in_view
        settles = SETTLES_SECONDS if seen.look.answered else SILENT_SECONDS
        return math.inf if self._second and seconds >= settles else seconds

    @property
    def _in_view(self) -> float:
        return time.monotonic() - self._view_since

    def _record(self, seen: DisksSeen, disks: tuple[DiskNow, ...], seconds: float) -> JobRecord:
        row = self.held.row
        missing = [disk.target for disk in disks if not disk.new]  # a worker before this one gave up
        return JobRecord(
            guest=self.held.guest,
            name=row.guest_name,
            source=row.source.name,
            target=row.target.name,
            was_paused=bool(row.was_paused),
            was_persistent=row.was_persistent is not False,
            persist=True,
            undefine_source=False,
            cancel_requested=self.steering.cancel,
            call_running=False,
            call_error=self.placing.trouble or ("kvmweb has begun to delete the new volumes." if missing else ""),
            seconds_in_this_view=seconds,
            call_made=row.call_made,
            restarted=seen.disks is not None and seen.disks.run not in (-1, row.source_run),
            disks=disks,
            was_off=row.source_run == -1,
        )

    def _read_more(self, read: int, _sent: int) -> bool:
        """While kvmweb reads the content of a disk. Whether to go on: not when it was cancelled or the VM was started.
        Raises LostClaim."""
        self.numbers.read_more(read)
        now = time.monotonic()
        if now - self._read_at < LOOK_SECONDS:
            return True
        self._read_at = now
        self.heart.check()
        self.steering.news()
        self.numbers.own()
        return not self.steering.cancel and not look(self.held.row, self.host).look.active

    def _pause(self) -> None:
        """Shorter when somebody gives an order."""
        until = time.monotonic() + LOOK_SECONDS
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, ORDER_POLL_SECONDS))
            if self.steering.news():
                self.host.hurry()
                return

    # --- follow the decision -----------------------------------------------------------------------------------------

    def _follow(self, decision: Decision, disks: tuple[DiskNow, ...]) -> bool:
        """Carry out what was decided; True when the watch is over."""
        held = self.held
        if decision.outcome in ENDS:
            self._end(decision, disks)
            return True
        attention = decision.outcome is Outcome.NEEDS_ATTENTION
        if attention or (self._second and self._long_enough(decision)):
            self._needs_attention(decision, tell=attention)
            held.release()
            return True
        if held.state is not State.NEEDS_ATTENTION or decision.state is State.COPYING_DISKS:
            if decision.outcome is Outcome.IN_PROGRESS:
                held.become(decision.state or held.state, decision.sentence)
            elif self._in_view >= TELL_SECONDS:
                held.become(held.state, decision.sentence)
        self.placing.act(decision.actions, disks, patient=self._in_view < patience.JOB_WAIT_S)
        return False

    def _long_enough(self, decision: Decision) -> bool:
        """A migration that needs a user is looked at again and again, this long each time at most."""
        copies = decision.state is State.COPYING_DISKS
        waited = time.monotonic() - self._began >= SECOND_LOOK_SECONDS
        return waited and not copies and self.held.state is State.NEEDS_ATTENTION

    def _needs_attention(self, decision: Decision, *, tell: bool) -> None:
        held, error = self.held, _error(decision)
        if held.state is not State.NEEDS_ATTENTION:
            held.become(State.NEEDS_ATTENTION, decision.sentence, error=error)
        elif tell and (held.row.state_text, held.row.error) != (decision.sentence, error):
            before = held.row.state_text
            held.update(state_text=decision.sentence, error=error)
            if before != decision.sentence:
                held.note(decision.sentence)

    # --- the end ----------------------------------------------------------------------------------------------------

    def _end(self, decision: Decision, disks: tuple[DiskNow, ...]) -> None:
        fields: dict[str, Any] = {"error": _error(decision), "waiting": {}}
        if Action.DELETE_OWN_VOLUMES in decision.actions:
            remove_unused(self.held, self.host)
        kept = {disk.target for disk in disks if disk.saved is At.NEW}
        if kept:
            how = Verification.CHECKSUMS if self.held.row.source_run == -1 else Verification.MIRROR
            copies = [copy for copy in kept_copies(self.held, self.host, verification=how) if copy.disk in kept]
            fields["also"] = partial(keep_copies, copies)
        if decision.outcome is Outcome.DONE:
            tell_differences(self.held, self.host)
            fields["progress"] = self.numbers.completed().as_json()
        self.held.become(ENDS[decision.outcome], decision.sentence, **fields)


def _error(decision: Decision) -> dict[str, Any]:
    told = {"cause": decision.cause, "what_to_do": decision.what_to_do, "libvirt": decision.libvirt}
    return told if any(told.values()) else {}
