"""Remove the definition that libvirt was to remove from the source, and left there: only when both hosts say once more
that the guest is shut off there, and at the destination with a definition of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hosts.facts.guest import RunState
from hosts.gateway.port import GatewayError, GuestMissing
from kvmweb.steps import NotDone, Steps, Written
from migrations_app.models.migration import UNDEFINE
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Undefine:
    """`about`: "host", the source. Done a second time it does no harm."""

    held: Held
    source: SteadyConnection
    target: SteadyConnection
    about: dict[str, Any]

    @property
    def name(self) -> str:
        return UNDEFINE

    @property
    def gone(self) -> str:
        return f"{self.source.host} has the definition, although libvirt said that it removed it."

    def do(self) -> None:
        guest = self.held.guest
        there, here = self.target.look(guest), self.source.look(guest)
        if not (there.answered and there.active and there.persistent):
            raise NotDone(f"{self.target.host} does not say any more that it has the VM.", certain=True)
        if not here.answered or here.state is not RunState.SHUTOFF:
            raise NotDone(f"{self.source.host} does not say any more that the VM is shut off there.", certain=True)
        try:
            self.source.call(lambda c: c.definition.undefine(guest))
        except GuestMissing:
            return  # libvirt did it meanwhile
        except GatewayError as error:
            raise NotDone(
                f"libvirt on {self.source.host} did not remove it: {error.message}", certain=not error.unanswered
            ) from error

    def verify(self, written: Written) -> dict[str, Any] | None:
        look = self.source.look(self.held.guest)
        if not look.answered:
            raise NotDone(f"{self.source.host} is not reachable: {look.error}", certain=False)
        return None if look.present else {"present": False}

    def undo(self, written: Written) -> bool:
        """The definition is recorded with the migration, and the destination has it."""
        return False


def undefine_at_source(held: Held, source: SteadyConnection, target: SteadyConnection) -> str:
    """Why it was not done, "" when it was."""
    step = Undefine(held=held, source=source, target=target, about={"host": source.host.name})
    try:
        Steps(held).go([step])
        if step.verify(Written(step=step.name, about=step.about)) is None:  # it was removed before, and is back
            return step.gone
    except NotDone as error:
        return str(error)
    held.note_once(f"libvirt had left the definition of {held.row.guest_name} on {source.host}. kvmweb removed it.")
    return ""
