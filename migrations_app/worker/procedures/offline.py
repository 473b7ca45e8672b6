"""Offline: the definition of a guest that is shut off migrates by one libvirt call; then it may be started there."""

from __future__ import annotations

from hosts.calls.move import MigrateCall
from migrations_app.domain.kinds import Kind
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.procedure import NotStarted, Procedure, Ready, ask_libvirt
from migrations_app.worker.procedures.live import helper
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.watch.cold import ColdWatch, definition_call


class Offline:
    def begin(self, ready: Ready) -> Mover:
        return ask_libvirt(ready, _call(ready))

    def follow(
        self,
        held: Held,
        source: SteadyConnection,
        target: SteadyConnection,
        heart: Heartbeat,
        mover: Mover | None = None,
    ) -> None:
        ColdWatch(held, source, target, heart, mover).run()

    def undo(self, held: Held, target: SteadyConnection) -> None:
        """Nothing is prepared."""


def _call(ready: Ready) -> MigrateCall:
    row = ready.held.row
    peer = row.target.peer
    if peer is None:
        raise NotStarted(f"{row.target} has no address for other hosts.")
    return definition_call(row, peer, helper(ready.facts))


PROCEDURES: dict[Kind, Procedure] = {Kind.OFFLINE: Offline()}
