"""Act: what was taken out of the guest is put back where the outcome table says that the guest is now."""

from __future__ import annotations

import time

from hosts.facts.guest import GuestLook
from hosts.facts.part import Part, PartKind
from kvmweb.steps import NotDone
from migrations_app.domain.virsh import virsh
from migrations_app.models.taken_out import PartState, TakenOut
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.taken_out import find, keep, leave_out, missing, put_back

#: a device that a guest was asked to release may leave it until then
SETTLES_SECONDS = 5.0
#: a host that is there but does not do it is not asked for longer
PATIENCE_SECONDS = 60.0


class Returning:
    def __init__(self, held: Held, source: SteadyConnection) -> None:
        self._held = held
        self._source = source
        self._began: float | None = None

    def to(self, host: SteadyConnection, look: GuestLook) -> bool:
        """Whether nothing is left to wait for; else the hosts are asked again. `look` is at the guest on this host."""
        if not missing(self._held):
            return True
        self._began = self._began or time.monotonic()
        if not look.answered:
            return False
        tried = [self._one(host, one, look) for one in missing(self._held)]
        return all(tried)

    def look_once_more(self, host: SteadyConnection, look: GuestLook) -> None:
        """Right before the last words: what the guest has released by now is put back, and the rest is said."""
        held = self._held
        for one in missing(held):
            if not self._one(host, one, look):
                why = f"{host.host} does not answer"
                leave_out(held, host, one.part, why=why, to_do=_to_do(held, host, one.part, look))
        for one in missing(held):
            keep(held, host, one.part, to_do=_to_do(held, host, one.part, look, when="If it is gone later"))

    @property
    def _waited(self) -> float:
        return time.monotonic() - (self._began or time.monotonic())

    def _one(self, host: SteadyConnection, one: TakenOut, look: GuestLook) -> bool:
        held, part = self._held, one.part
        if why := self._never(host, one, look):
            leave_out(held, host, part, why=why, to_do=_to_do(held, host, part, look))
            return True
        try:
            if one.state is PartState.LEAVING and find(host, held.guest, part) is not None:
                return self._waited >= SETTLES_SECONDS  # it is looked for once more at the end
            put_back(held, host, one)
        except NotDone as error:
            if not error.certain and self._waited < PATIENCE_SECONDS:
                return False
            why = str(error).removesuffix(".")
            leave_out(held, host, part, why=why, to_do=_to_do(held, host, part, look))
        return True

    def _never(self, host: SteadyConnection, one: TakenOut, look: GuestLook) -> str:
        """Why it is not even tried."""
        if not look.active:
            return "the VM does not run"
        if host is self._source:
            return ""
        if one.other_there:
            what = "image" if one.part.kind is PartKind.MEDIUM else "device"
            return f"{host.host} has another {what} under the same name"
        if not one.part.anywhere:
            return "only its place on the source is known"
        return ""


def _to_do(held: Held, host: SteadyConnection, part: Part, look: GuestLook, *, when: str = "") -> str:
    guest, name = held.guest, host.host.name
    when = when or f"When {name} has it"
    if not look.active:
        return "It has it again when it starts." if part.saved else f"Give it {part.name} when it runs."
    if part.kind is PartKind.MEDIUM:
        run = virsh("change-media", guest, part.drive, part.image, flags=("--insert", "--live"))
        later = virsh("change-media", guest, part.drive, flags=("--eject", "--config"))
        then = (
            f" Or take it out of the saved definition too, or the VM does not start there: {later}"
            if part.saved
            else ""
        )
        return f"{when}, on {name} run: {run}.{then}"
    run = virsh("attach-device", guest, "device.xml", flags=("--live",))
    then = " Its saved definition names it too: the VM may not start there without it." if part.saved else ""
    return f"{when}, save its XML from this page as device.xml, and on {name} run: {run}.{then}"


def left_out_words(held: Held) -> str:
    """What a user should know and do about what could not be put back, "" for nothing."""
    verbs = {PartState.LEFT_OUT: "is without", PartState.KEPT: "still has"}
    left = [one for one in held.row.taken_out if one.state in verbs]
    return " ".join(
        f"{held.row.guest_name} {verbs[one.state]} {one.part.name} on {one.host}: {one.why}. {one.to_do}"
        for one in left
    )
