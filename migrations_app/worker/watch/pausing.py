"""Act: a policy's last resort is to suspend the VM at the source, so that it writes no more.

libvirt resumes it when the migration ends, on either host. Where it does not, kvmweb does: only a VM that this worker
saw suspended by the policy, because afterwards nobody can tell the policy's pause from a user's.
"""

from __future__ import annotations

import time

from hosts.facts.guest import GuestLook, JobKind, RunState
from migrations_app import ledger
from migrations_app.domain.outcome.decision import Outcome
from migrations_app.domain.outcome.whereabouts import WOKEN
from migrations_app.domain.virsh import virsh
from migrations_app.models import Decision
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.watch.observer import Observation

AGAIN_SECONDS = 1.0
#: a VM that does not run by then is left to a user
RESUMES_SECONDS = 15.0


class Pausing:
    """`left`: what a user should do about a VM that is still paused, "" for nothing."""

    def __init__(self, held: Held, source: SteadyConnection, target: SteadyConnection) -> None:
        self._held = held
        self._source = source
        self._target = target
        #: libvirt was asked by this worker, and it was seen paused under it while the job ran
        self._asked = self._seen = False
        self._told_at = float("-inf")
        self._ended_at: float | None = None
        self._over = False
        self.left = ""

    def observe(self, source: GuestLook) -> None:
        """After a look at the source."""
        if self._held.row.paused_by_policy and source.state is RunState.PAUSED:
            self._seen = self._seen or source.job is JobKind.MIGRATION_OUT

    def act(self, source: GuestLook, decision: Decision) -> None:
        """While our job runs. `decision` is the policy's. A user who resumes it has the last word."""
        row = self._held.row
        if not row.paused_by_policy:
            return
        if source.state is RunState.PAUSED:
            if not decision.applied:
                ledger.decision_applied(self._held.claim, decision)
        elif source.runs and source.reason != WOKEN:  # which is libvirt's, when the job is ending
            if decision.applied:
                self._held.update(paused_by_policy=False)
                self._held.note(f"Somebody resumed {row.guest_name} on {row.source}.")
            elif self._due():
                self._asked = True
                self._source.do(lambda c: c.suspend(self._held.guest))

    def still_paused(self, outcome: Outcome, seen: Observation) -> bool:
        """After the end: whether it is being resumed, so that the hosts must be asked again."""
        row = self._held.row
        if not row.paused_by_policy or self._over or row.was_paused:
            return False
        arrived = outcome is Outcome.DONE
        host, look = (self._target, seen.target) if arrived else (self._source, seen.source)
        if look.state is not RunState.PAUSED or (arrived and row.request.options.keep_paused):
            self._over = True
            return False
        now = time.monotonic()
        self._ended_at = self._ended_at or now
        ours = self._seen or (self._asked and not arrived)
        if not ours or now - self._ended_at > RESUMES_SECONDS:
            self._over, self.left = True, self._words(host.host.name, ours=ours)
            return False
        if self._due() and host.do(lambda c: c.resume(self._held.guest)):
            self._held.note_once(f"kvmweb resumed {row.guest_name} on {host.host.name}: the policy had paused it.")
        return True

    def _due(self) -> bool:
        now = time.monotonic()
        due = now - self._told_at > AGAIN_SECONDS
        if due:
            self._told_at = now
        return due

    def _words(self, host: str, *, ours: bool) -> str:
        run = f"On {host} run: {virsh('resume', self._held.guest)}"
        if ours:
            return f"The policy paused the VM, and kvmweb could not resume it. {run}"
        return f"The policy paused the VM during the migration. Unless somebody has paused it since, resume it. {run}"
