"""Decide and act: what the migration's policy wants. It is written down before libvirt is told, with what the policy
remembers, and libvirt is told until it has taken it, so that an adopter goes on with the very next step."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from hosts.calls.steer import LimitDowntime
from hosts.facts.guest import GuestLook, JobKind
from hosts.gateway.port import GatewayError, HostUnreachable
from migrations_app import ledger
from migrations_app.domain.convergence.action import Act, Action
from migrations_app.domain.convergence.decide import decide
from migrations_app.domain.convergence.policy import Policy
from migrations_app.domain.lifecycle import State
from migrations_app.domain.orders import cancel
from migrations_app.domain.outcome.whereabouts import POST_COPY, POST_COPY_FAILED
from migrations_app.domain.pause import LONGEST_MS
from migrations_app.domain.progress import Progress
from migrations_app.models import Decision
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.watch.limits import Limits
from migrations_app.worker.watch.pausing import Pausing
from migrations_app.worker.watch.steering import switch_to_post_copy

log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
#: without a byte for so long, a pause of the policy is ended
STILL_MS = 30_000
_LIMITS, _STOPS = (Act.RAISE, Act.FINISH), (Act.ABORT, Act.RESTART)


class Converging:
    def __init__(self, held: Held, source: SteadyConnection, limits: Limits, pausing: Pausing) -> None:
        self._held = held
        self._source = source
        self._limits = limits
        self._pausing = pausing
        self._policy = held.row.policy_data
        in_effect = self._policy is not None and not self._policy.shadow
        #: a migration that a user had to look at does not start again by itself
        self._attended = held.state is State.NEEDS_ATTENTION
        self._decisions = ledger.decisions_of(held.claim) if in_effect else []
        self._told: dict[int, float] = {}

    def act(self, source: GuestLook, *, fresh: bool, stopping: bool) -> None:
        """After a look at the source. `fresh`: the numbers were read after it. `stopping`: a user wants it to end.
        Raises LostClaim."""
        row = self._held.row
        self._pausing.observe(source)
        if self._policy is None or stopping or row.job_over or source.job is not JobKind.MIGRATION_OUT:
            return
        memory = fresh and self._held.state is State.COPYING_MEMORY
        if memory and self._stop is None:
            if source.runs and not row.suspended:
                self._decide(self._policy)
            elif row.paused_by_policy:
                self._not_for_nothing()
        self._tell(source)

    @property
    def gave_up(self) -> str:
        """Why, a sentence; "" as long as it has not."""
        return self._stop.text if self._stop and self._stop.action == Act.ABORT else ""

    @property
    def stops(self) -> bool:
        """It wants the migration to end, and to begin again."""
        return self._stop is not None and self._stop.action == Act.RESTART

    @property
    def restart(self) -> bool:
        return self.stops and not self._attended

    @property
    def _stop(self) -> Decision | None:
        return self._last(*_STOPS)

    def _last(self, *acts: Act) -> Decision | None:
        return next((one for one in reversed(self._decisions) if one.action in acts), None)

    def _decide(self, policy: Policy) -> None:
        row = self._held.row
        before = row.track_data
        track, actions = decide(policy, before, Progress.from_json(row.progress))
        if not actions:
            if track != before:
                self._held.update(track=track.as_json())
        elif policy.shadow:
            self._held.keep_decisions([_in_shadow(action) for action in actions], track=track.as_json())
        else:
            pauses = row.paused_by_policy or any(action.act is Act.SUSPEND for action in actions)
            self._decisions += self._held.keep_decisions(actions, track=track.as_json(), paused_by_policy=pauses)

    def _not_for_nothing(self) -> None:
        """A VM that is paused until the rest is copied does not wait for a network that is down: libvirt can resume it
        only by ending the migration."""
        still_ms = Progress.from_json(self._held.row.progress).no_data_ms or 0
        if still_ms >= STILL_MS:
            text = (
                "Migration given up, the VM stays on its source host: it is paused until the rest is copied, and no"
                f" data has been transferred for {still_ms // 1000} s."
            )
            action = Action(act=Act.ABORT, text=text, numbers={"no_data_ms": still_ms})
            self._decisions += self._held.keep_decisions([action])

    def _tell(self, source: GuestLook) -> None:
        """What is in force, until libvirt has taken it."""
        stop, limit = self._stop, self._last(*_LIMITS)
        if stop is not None:
            if self._due(stop, cancel.AGAIN_SECONDS) and self._source.do(lambda c: c.abort(self._held.guest)):
                self._taken(stop)
            return
        if limit is not None and not limit.applied and self._due(limit, AGAIN_SECONDS):
            self._allow(limit)
        if (pause := self._last(Act.SUSPEND)) is not None:
            self._pausing.act(source, pause)
        if (switch := self._last(Act.POST_COPY)) is not None and not switch.applied:
            self._switch(source, switch)

    def _switch(self, source: GuestLook, switch: Decision) -> None:
        """Until libvirt has taken it, or it was seen."""
        if source.reason in (POST_COPY, POST_COPY_FAILED):
            self._taken(switch)
        elif self._due(switch, AGAIN_SECONDS):
            try:
                switch_to_post_copy(self._held, self._source)
            except GatewayError as error:
                log.info("%s: %s", self._source.host.name, error.message)
                return
            self._taken(switch)

    def _due(self, decision: Decision, seconds: float) -> bool:
        now = time.monotonic()
        due = now - self._told.get(decision.pk, float("-inf")) > seconds
        if due:
            self._told[decision.pk] = now
        return due

    def _allow(self, decision: Decision) -> None:
        """Never less than libvirt allows already, and nothing after a user has asked for something else."""
        limit = LimitDowntime(min(decision.downtime_ms or 0, LONGEST_MS))
        if ledger.downtime_ordered(self._held.claim, since=decision.at) or not self._limits.remember(limit):
            return
        allowed = self._limits.value(limit)
        if allowed is not None and allowed < limit.milliseconds:
            try:
                self._source.call(lambda c: c.set_limit(self._held.guest, limit))
            except HostUnreachable as error:
                log.info("%s: %s", self._source.host.name, error.message)
                return
            except GatewayError as error:
                self._held.note_once(f"libvirt has not allowed {limit.milliseconds:,} ms yet: {error.message}")
                return
            allowed = self._limits.value(limit)
        if allowed is not None and allowed >= limit.milliseconds:
            self._taken(decision)

    def _taken(self, decision: Decision) -> None:
        if not decision.applied:
            ledger.decision_applied(self._held.claim, decision)


def _in_shadow(action: Action) -> Action:
    return replace(action, text=f"Shadow mode, not done: {action.text}")
