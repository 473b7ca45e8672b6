"""An offline migration: its call, and the watch that may start the guest when its definition has arrived."""

from __future__ import annotations

from hosts.calls.move import MigrateCall, PeerHelper
from hosts.facts.endpoint import PeerEndpoint
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Action, Decision
from migrations_app.models import Migration
from migrations_app.worker.steps.start_guest import start_guest
from migrations_app.worker.watch.observer import Observation
from migrations_app.worker.watch.watch import Watch


def definition_call(row: Migration, peer: PeerEndpoint, helper: PeerHelper) -> MigrateCall:
    return MigrateCall(
        uuid=str(row.guest_id),
        peer=peer,
        helper=helper,
        migration_address=row.target.migration_address,
        flags=row.request.options.flags(),
        parameters=row.request.options.parameters(),
        offline=True,
    )


class ColdWatch(Watch):
    def _follow(self, decision: Decision, seen: Observation) -> bool:
        if Action.START_AT_DESTINATION not in decision.actions:
            return super()._follow(decision, seen)
        self.held.become(decision.state or State.ARRIVING, decision.sentence)
        self.judge.start_error = start_guest(self.held, self.source, self.target)
        return False
