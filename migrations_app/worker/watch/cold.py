"""An offline migration: its call, and the watch that may start the guest when its definition has arrived."""

from __future__ import annotations

from hosts.calls.move import KEEPS_ONE_DEFINITION, MigrateCall, Parameter, PeerHelper
from hosts.facts.endpoint import PeerEndpoint
from hosts.facts.storage import DiskPlace
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Action, Decision, Outcome
from migrations_app.models import Migration
from migrations_app.worker.steps.call_hangs import keep_that_it_ended, keep_that_it_hangs
from migrations_app.worker.steps.start_guest import start_guest
from migrations_app.worker.watch.observer import Observation
from migrations_app.worker.watch.placed_disks import places_of
from migrations_app.worker.watch.watch import Watch, clears, tell_anew


def definition_call(row: Migration, peer: PeerEndpoint, helper: PeerHelper) -> MigrateCall:
    """Whatever else was asked for is for memory and disks."""
    options = row.request.options
    return MigrateCall(
        uuid=str(row.guest_id),
        peer=peer,
        helper=helper,
        migration_address=row.target.migration_address,
        places=_places(row),
        flags=options.flags() & KEEPS_ONE_DEFINITION,
        parameters={name: told for name, told in options.parameters().items() if name is Parameter.DESTINATION_NAME},
        offline=True,
    )


def _places(row: Migration) -> dict[str, DiskPlace]:
    """Of the disks that were copied before, those that got another place."""
    return {target: place for target, place in places_of(row).items() if target in row.request.options.disks}


class ColdWatch(Watch):
    #: a user was told that the call hangs, and this worker waits for its end
    _hung = False

    def _follow(self, decision: Decision, seen: Observation) -> bool:
        if seen.returned is not None:
            keep_that_it_ended(self.held)
        if self.mover is not None and not seen.call_over and (decision.hangs or self._hung) and not clears(decision):
            self._hangs(decision)
            return False
        if Action.START_AT_DESTINATION not in decision.actions:
            return super()._follow(decision, seen)
        self.held.become(decision.state or State.ARRIVING, decision.sentence)
        self.judge.start_error = start_guest(self.held, self.source, self.target)
        return False

    def _hangs(self, decision: Decision) -> None:
        """The migration needs a user, and stays in the hands of the only worker that hears how the call ends."""
        if not self._hung:
            keep_that_it_hangs(self.held)
            self._needs_attention(decision)
            self.judge.needed_a_user()
            self._hung = True
        elif decision.outcome is Outcome.NEEDS_ATTENTION:
            tell_anew(self.held, self.source, decision)
