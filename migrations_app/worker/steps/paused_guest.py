"""Start a guest paused at the source, so that libvirt can migrate it, and end it again where its migration leaves it.

The mark in the definition of this run tells that it is the one that this migration started. It is ended only if it
never ran: the host looks at that once more in the same moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from hosts.gateway.port import GatewayError, HostConnection
from kvmweb.steps import NotDone, Steps, Written
from migrations_app.models.migration import END_PAUSED, START_PAUSED
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPaused:
    """`about`: "host", the source's name, and "mark"."""

    held: Held
    host: SteadyConnection
    about: dict[str, Any]

    @property
    def name(self) -> str:
        return START_PAUSED

    @property
    def gone(self) -> str:
        return f"{self.host.host} has started {self.held.row.guest_name} paused, and it is not there any more"

    def do(self) -> None:
        _ask(self.host, lambda c: c.paused.start(self.held.guest, self.about["mark"]))

    def verify(self, written: Written) -> dict[str, Any] | None:
        look = self.host.look(self.held.guest)
        if not look.answered:
            raise NotDone(look.error, certain=False)
        return {"state": str(look.state)} if look.active else None

    def undo(self, written: Written) -> bool:
        """It is ended by a step of its own, when the outcome table says so."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPaused:
    """`about`: "host", where it is ended, and "mark"."""

    held: Held
    host: SteadyConnection
    about: dict[str, Any]

    @property
    def name(self) -> str:
        return END_PAUSED

    @property
    def gone(self) -> str:
        return f"{self.host.host} has ended it, and it is active there again"

    def do(self) -> None:
        _ask(self.host, lambda c: c.paused.end(self.held.guest, self.about["mark"]))

    def verify(self, written: Written) -> dict[str, Any] | None:
        look = self.host.look(self.held.guest)
        if not look.answered:
            raise NotDone(look.error, certain=False)
        return None if look.active else {"state": str(look.state)}

    def undo(self, written: Written) -> bool:
        return False


def _ask(host: SteadyConnection, deed: Callable[[HostConnection], None]) -> None:
    try:
        host.call(deed)
    except GatewayError as error:
        raise NotDone(error.message, certain=not error.unanswered) from error


def start_paused(held: Held, source: SteadyConnection) -> None:
    """Raises NotDone."""
    mark = f"migration-{held.row.pk}-{uuid4().hex}"
    Steps(held).go([StartPaused(held=held, host=source, about={"host": source.host.name, "mark": mark})])
    held.note(f"Started {held.row.guest_name} paused on {source.host}. Its CPUs do not run.")


def started_paused(held: Held) -> Written | None:
    """What is written of that."""
    return next((written for written in held.read() if written.step == START_PAUSED), None)


def end_paused(held: Held, host: SteadyConnection) -> str:
    """Why it could not be ended, "" when it is."""
    started = started_paused(held)
    if started is None:
        return "kvmweb did not start it."
    about = {"host": host.host.name, "mark": started.about["mark"]}
    try:
        Steps(held).go([EndPaused(held=held, host=host, about=about)])
    except NotDone as error:
        return str(error)
    held.note_once(f"Ended {held.row.guest_name} on {host.host}, where it was paused and had never run.")
    return ""
