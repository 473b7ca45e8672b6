"""Start the guest at the destination, or again at the source: once, and only when every host that could run it says
that it does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hosts.facts.guest import GuestLook, RunState
from hosts.gateway.port import GatewayError
from kvmweb.steps import NotDone, Steps, Written
from migrations_app.domain.virsh import virsh
from migrations_app.models.migration import START_AGAIN, START_GUEST
from migrations_app.worker.facts.others import others
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class StartGuest:
    """`about`: "host", where it is started; `other` is the other host of the migration. `again`: on the source, so that
    the destination must not even have it. What could not be done stays recorded: it is not tried again."""

    held: Held
    other: SteadyConnection
    host: SteadyConnection
    about: dict[str, Any]
    again: bool = False

    @property
    def name(self) -> str:
        return START_AGAIN if self.again else START_GUEST

    @property
    def gone(self) -> str:
        return f"{self.host.host} has started it, and it does not run any more."

    def do(self) -> None:
        if doubts := list(self._doubts()):
            raise NotDone(" ".join(doubts), certain=False)
        try:
            self.host.call(lambda c: c.start(self.held.guest))
        except GatewayError as error:
            late = "has not answered the start yet; it may still start the VM."
            why = late if error.unanswered else f"did not start it: {error.message}"
            raise NotDone(f"libvirt on {self.host.host} {why}", certain=False) from error

    def _doubts(self) -> Iterator[str]:
        """Why it may run somewhere."""
        uuid, other = self.held.guest, self.other.host
        there = self.other.look(uuid)
        looks = {other.name: there}
        looks |= others(uuid, without=(other, self.host.host), connect=self.other.open)
        for name, look in looks.items():
            yield from _doubt(name, look, virsh("domstate", uuid))
        if self.again and there.present:
            yield f"{other.name} has a definition of the VM, and could start it too."

    def verify(self, written: Written) -> dict[str, Any] | None:
        look = self.host.look(self.held.guest)
        if not look.answered:
            raise NotDone(f"{self.host.host} is not reachable: {look.error}", certain=False)
        return {"state": str(look.state)} if look.runs else None

    def undo(self, written: Written) -> bool:
        """A VM that runs is never stopped."""
        return False


def _doubt(name: str, look: GuestLook, command: str) -> Iterator[str]:
    if not look.answered:
        yield f"{name} is not reachable, and the VM could run there. When it is back, on {name} run: {command}"
    elif look.present and look.state is not RunState.SHUTOFF:
        yield f"The VM is {look.state} on {name}."


def start_guest(held: Held, source: SteadyConnection, target: SteadyConnection) -> str:
    """Why it was not started, "" when it was."""
    step = StartGuest(held=held, other=source, host=target, about={"host": target.host.name})
    return _start(step, f"{held.row.guest_name} was started on {target.host}.")


def start_again(held: Held, source: SteadyConnection, target: SteadyConnection) -> str:
    """The same on the source."""
    step = StartGuest(held=held, other=target, host=source, about={"host": source.host.name}, again=True)
    return _start(step, f"{held.row.guest_name} was started again on {source.host}.")


def _start(step: StartGuest, done: str) -> str:
    try:
        Steps(step.held).go([step])
    except NotDone as error:
        return str(error)
    step.held.note_once(done)
    return ""


def start_tried(held: Held, name: str = START_GUEST) -> bool:
    return any(written.step == name for written in held.read())
