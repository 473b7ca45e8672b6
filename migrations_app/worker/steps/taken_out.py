"""Take a device or a medium out of a running guest, and put it back: on the host where the guest is then, once.

Only the running guest is changed. Its saved definition, which migrates too, has them all the time.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from hosts.facts.part import Part, PartKind
from hosts.gateway.port import GatewayError
from kvmweb.steps import NotDone, Steps, StepState, Written
from migrations_app.models.taken_out import KEPT, LEFT_OUT, PUT_BACK, TAKE_OUT, PartState, TakenOut, part_in
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection

#: a guest that has not released a device by then keeps it
RELEASE_SECONDS = 30.0
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOut:
    """`about`: see models.taken_out.about_part."""

    held: Held
    host: SteadyConnection
    about: dict[str, Any]

    @property
    def name(self) -> str:
        return TAKE_OUT

    @property
    def part(self) -> Part:
        return part_in(self.about)

    @property
    def gone(self) -> str:
        return f"{self.part.name} was taken out, and the VM has it again"

    def do(self) -> None:
        part, guest = self.part, self.held.guest
        refused = threading.Event()

        def kept(alias: str) -> None:
            if alias == part.alias:
                refused.set()

        try:
            if part.kind is PartKind.MEDIUM:
                self.host.call(lambda c: c.parts.change(guest, part.out))
            else:
                self.host.call(lambda c: c.parts.listen(guest, kept))
                self.host.call(lambda c: c.parts.detach(guest, part.out))
        except GatewayError as error:
            in_place = not error.unanswered and find(self.host, guest, part) is not None
            raise NotDone(_refused(part, error.message), certain=in_place) from error
        until = time.monotonic() + RELEASE_SECONDS
        while find(self.host, guest, part) is not None:
            if refused.is_set():
                raise NotDone(_refused(part, "the VM does not release it"), certain=True)
            if time.monotonic() > until:
                late = f"the VM has not released it within {RELEASE_SECONDS:.0f} s; it may still do so"
                raise NotDone(_refused(part, late), certain=False)
            time.sleep(LOOK_SECONDS)

    def verify(self, written: Written) -> dict[str, Any] | None:
        return {"out": True} if find(self.host, self.held.guest, self.part) is None else None

    def undo(self, written: Written) -> bool:
        """It is put back by a step of its own: the outcome table says where."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """`about`: "key", and "host"."""

    held: Held
    host: SteadyConnection
    part: Part

    @property
    def name(self) -> str:
        return PUT_BACK

    @property
    def about(self) -> dict[str, Any]:
        return {"key": self.part.key, "host": self.host.host.name}

    @property
    def gone(self) -> str:
        return f"libvirt on {self.host.host} has put it back, and the VM does not have it"

    def do(self) -> None:
        part, guest = self.part, self.held.guest
        there = find(self.host, guest, part, occupied=True)
        if there is not None:
            if there.image != part.image:
                raise NotDone(f"the drive has another medium now: {there.image}", certain=True)
            return  # somebody was faster, or it was never gone
        try:
            if part.kind is PartKind.MEDIUM:
                self.host.call(lambda c: c.parts.change(guest, part.back))
            else:
                self.host.call(lambda c: c.parts.attach(guest, part.back))
        except GatewayError as error:
            raise NotDone(error.message, certain=not error.unanswered) from error

    def verify(self, written: Written) -> dict[str, Any] | None:
        return {"back": True} if find(self.host, self.held.guest, self.part) is not None else None

    def undo(self, written: Written) -> bool:
        return False


def find(host: SteadyConnection, guest: str, part: Part, *, occupied: bool = False) -> Part | None:
    """The part, if the running guest has it now. `occupied`: also another medium in the same drive. Raises NotDone."""
    try:
        there = next((one for one in host.call(lambda c: c.parts.look(guest)) if one.key == part.key), None)
    except GatewayError as error:
        raise NotDone(error.message, certain=False) from error
    return there if occupied or there is None or there.image == part.image else None


def _refused(part: Part, why: str) -> str:
    verb = "eject" if part.kind is PartKind.MEDIUM else "detach"
    return f"kvmweb could not {verb} {part.name}: {why}."


def take_out(held: Held, source: SteadyConnection, plan: list[dict[str, Any]]) -> None:
    """`plan` is the `about` of each. Raises NotDone at the first that fails."""
    for about in plan:
        part = part_in(about)
        Steps(held).go([TakeOut(held=held, host=source, about=about)])
        what = "Ejected" if part.kind is PartKind.MEDIUM else "Detached"
        of = f"{held.row.guest_name} on {source.host}"
        held.note(f"{what} {part.name}{f' from drive {part.drive}' if part.drive else ''} of {of}.")


def put_back(held: Held, host: SteadyConnection, one: TakenOut) -> None:
    """Raises NotDone."""
    part = one.part
    Steps(held).go([PutBack(held=held, host=host, part=part)])
    what = "Inserted" if part.kind is PartKind.MEDIUM else "Attached"
    where = f"into drive {part.drive} of" if part.drive else "to"
    held.note_once(f"{what} {part.name} again {where} {held.row.guest_name} on {host.host}.")


def leave_out(held: Held, host: SteadyConnection, part: Part, *, why: str, to_do: str) -> None:
    """Kept for good: it is not tried again."""
    _last(held, LEFT_OUT, host, part, why, to_do)
    held.note(f"{part.name} was not put back on {host.host}: {why}.")


def keep(held: Held, host: SteadyConnection, part: Part, *, to_do: str) -> None:
    """What was about to be taken out, and the guest still has in the end. A request to release it cannot be taken
    back."""
    _last(held, KEPT, host, part, "it may have been asked to release it, and may still do so", to_do)
    held.note(f"{held.row.guest_name} still has {part.name}.")


def _last(held: Held, step: str, host: SteadyConnection, part: Part, why: str, to_do: str) -> None:
    before = [one for one in held.read() if not (one.step == PUT_BACK and one.about["key"] == part.key)]
    about = {"key": part.key, "host": host.host.name, "why": why, "to_do": to_do}
    held.write([*before, Written(step=step, about=about, state=StepState.DONE)])


def missing(held: Held) -> list[TakenOut]:
    """What has to be put back yet, in the order in which it was taken out."""
    return [one for one in held.row.taken_out if one.state in (PartState.LEAVING, PartState.OUT)]
