"""Storage: disks go to another place on the host of their VM. QEMU copies those of a VM that runs."""

from __future__ import annotations

from django.utils import timezone

from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import Kind
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.procedure import NotStarted, Procedure, Ready
from migrations_app.worker.procedures.live import make_copies
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.watch.placing import remove_unused
from migrations_app.worker.watch.storage import StorageWatch


class Storage:
    def begin(self, ready: Ready) -> None:
        """The volumes only: what follows is the same for whoever takes it over."""
        held, look = ready.held, ready.facts.guest.look
        if held.row.source_run is None or isinstance(look, Unknown):
            raise NotStarted(f"{held.row.source} did not tell whether the VM runs.")
        if look.active is (held.row.source_run == -1):  # the check was of the other case
            raise NotStarted("The VM was started or shut off in this moment.")
        make_copies(ready)
        ready.mover()
        held.update(call_made=True, started_at=timezone.now(), timings=held.row.timings)

    def follow(
        self,
        held: Held,
        source: SteadyConnection,
        target: SteadyConnection,
        heart: Heartbeat,
        mover: Mover | None = None,
    ) -> None:
        StorageWatch(held, source, heart).run()

    def undo(self, held: Held, target: SteadyConnection) -> None:
        remove_unused(held, target)


PROCEDURES: dict[Kind, Procedure] = {Kind.STORAGE: Storage()}
