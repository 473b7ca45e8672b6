"""The shape of a procedure: how one kind of migration is carried out. One procedure = one file in `procedures/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from django.utils import timezone

from hosts.calls.move import MigrateCall
from hosts.gateway.port import HostConnection
from migrations_app.domain.preflight.facts import Facts
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.steady_connection import SteadyConnection


class NotStarted(Exception):
    """Something stopped the start before libvirt was asked; the guest was not touched."""


class Cancelled(NotStarted):
    """A user did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A migration in `starting`: its preflight has passed and its write-ahead record is complete.

    `mover` gives a connection to the source that a call may block. It asks once more whether it was cancelled, and
    raises NotStarted.
    """

    held: Held
    facts: Facts
    source: SteadyConnection
    target: SteadyConnection
    mover: Callable[[], HostConnection]


def ask_libvirt(ready: Ready, call: MigrateCall) -> Mover:
    """The migration has begun, as far as anybody can tell, once this is recorded. Raises NotStarted before."""
    mover = Mover(ready.mover(), call)
    held = ready.held
    held.update(call_made=True, started_at=timezone.now(), timings=held.row.timings)
    if held.felt is not None:
        held.felt.before_call()
    mover.start()
    return mover


class Procedure(Protocol):
    def begin(self, ready: Ready) -> Mover | None:
        """Up to the moment when libvirt has been asked; the call, where it blocks. Raises NotStarted before it."""
        ...

    def follow(
        self,
        held: Held,
        source: SteadyConnection,
        target: SteadyConnection,
        heart: Heartbeat,
        mover: Mover | None = None,
    ) -> None:
        """To its end, for whoever began it and, without a mover, for whoever took it over. Raises LostClaim."""
        ...

    def undo(self, held: Held, target: SteadyConnection) -> None:
        """Undo what was prepared for a migration that has not begun, as far as the destination says that the guest does
        not use it."""
        ...
