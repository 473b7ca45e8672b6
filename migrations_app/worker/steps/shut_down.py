"""Ask the guest to shut down. It is never forced, and what it was asked cannot be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hosts.calls.move import PeerHelper
from hosts.gateway.port import GatewayError
from kvmweb.steps import NotDone, Steps, Written
from migrations_app.models.migration import SHUT_DOWN
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutDown:
    """`about`: "host", and "helper", with which its definition goes to the other host. `again`: a worker before this
    one may have asked already, so that a refusal proves nothing."""

    held: Held
    host: SteadyConnection
    about: dict[str, Any]
    again: bool = False

    @property
    def name(self) -> str:
        return SHUT_DOWN

    @property
    def gone(self) -> str:
        return f"{self.host.host} does not report whether the VM was asked to shut down."

    def do(self) -> None:
        try:
            self.host.call(lambda c: c.power.shut_down(self.held.guest))
        except GatewayError as error:
            certain = not (self.again or error.unanswered)
            words = f"libvirt on {self.host.host} did not ask the VM to shut down: {error.message}"
            raise NotDone(words, certain=certain) from error

    def verify(self, written: Written) -> dict[str, Any] | None:
        """A guest that was asked may run for a while: what libvirt took counts."""
        look = self.host.look(self.held.guest)
        if written.sure or (look.answered and not look.runs):
            return {"state": str(look.state) if look.answered else ""}
        return None

    def undo(self, written: Written) -> bool:
        return False


def ask_to_shut_down(held: Held, source: SteadyConnection, helper: PeerHelper) -> None:
    """Raises NotDone."""
    about = {"host": source.host.name, "helper": str(helper)}
    Steps(held).go([ShutDown(held=held, host=source, about=about)])


def ask_once_more(held: Held, source: SteadyConnection, asked: Written) -> str:
    """For who took over from a worker that was about to ask. Why it was not done, "" when it was."""
    try:
        Steps(held).go([ShutDown(held=held, host=source, about=asked.about, again=True)])
    except NotDone as error:
        return str(error)
    return ""


def asked_to_shut_down(held: Held) -> Written | None:
    return next((written for written in held.read() if written.step == SHUT_DOWN), None)
