"""libvirt's records of checkpoints vanish with the definition, while their dirty bitmaps stay in the disks' images.

Once a migration has ended, those that the VM's host does not have are defined there again: a step each, parents first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hosts.facts.guest import RunState
from hosts.gateway.port import GatewayError, GuestMissing, Refused
from kvmweb.steps import NotDone, Steps, Written
from migrations_app.domain.checkpoints import named, without
from migrations_app.models.migration import REDEFINE_CHECKPOINT
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection

#: libvirt's VIR_ERR_CHECKPOINT_INCONSISTENT
MISSING_BITMAP = 109


@dataclass(frozen=True, slots=True, kw_only=True)
class RedefineCheckpoint:
    """`about`: "host", and "checkpoint", the name of one in the row's record."""

    held: Held
    host: SteadyConnection
    about: dict[str, Any]

    @property
    def name(self) -> str:
        return REDEFINE_CHECKPOINT

    @property
    def gone(self) -> str:
        return f"{self.about['checkpoint']} was defined, but is gone already"

    @property
    def _recorded(self) -> dict[str, Any]:
        return next(one for one in self.held.row.checkpoints if one["name"] == self.about["checkpoint"])

    def do(self) -> None:
        try:
            try:
                self._redefine(validate=True)
            except Refused as refused:
                if refused.code != MISSING_BITMAP or not self._bitmaps_not_loaded():
                    raise
                self._redefine(validate=False)
                self.held.note_once(
                    f"kvmweb could not verify the dirty bitmaps of the checkpoints on {self.host.host}: QEMU loads them"
                    " when the VM resumes."
                )
        except GatewayError as error:
            raise NotDone(error.message, certain=not error.unanswered) from error

    def _redefine(self, *, validate: bool) -> None:
        guest, xml = self.held.guest, self._recorded["xml"]
        self.host.call(lambda c: c.redefine_checkpoint(guest, xml, validate=validate))

    def _bitmaps_not_loaded(self) -> bool:
        """QEMU 7.2 reads them from the images only when a VM that arrived paused resumes, QEMU 10 at once. Those of
        copied disks arrive with the memory, or not at all."""
        return not self.held.row.copied_disks and self.host.look(self.held.guest).state is RunState.PAUSED

    def verify(self, written: Written) -> dict[str, Any] | None:
        """To define it a second time does no harm, so it does not matter who did it."""
        try:
            there = self.host.call(lambda c: c.checkpoint_named(self.held.guest, self.about["checkpoint"]))
        except GatewayError as error:
            raise NotDone(error.message, certain=False) from error
        return {"created": there.created} if there and there.created == self._recorded["created"] else None

    def undo(self, written: Written) -> bool:
        """It is part of the VM, wherever that is."""
        return False


def redefine_checkpoints(held: Held, host: SteadyConnection) -> str:
    """Those that the host of the VM does not have. Returns what is left for a user to do, "" when nothing is."""
    recorded = [one["name"] for one in held.row.checkpoints]
    if not recorded:
        return ""
    steps = Steps(held)
    made: list[str] = []
    wanted = recorded
    try:
        wanted = _wanted(held, host, recorded)
        for name in wanted:
            steps.go([RedefineCheckpoint(held=held, host=host, about=_about(host, name))])
            made.append(name)
    except GuestMissing:
        return ""  # what became of the VM is said elsewhere
    except (GatewayError, NotDone) as error:
        lost = wanted[len(made) :]
        left = f"kvmweb could not redefine {named(lost)} on {host.host}: {error}. {without(lost)}"
    else:
        left = ""
    if made:
        held.note_once(f"Redefined {named(made)} on {host.host}.")
    if left:
        held.note_once(left)
    return left


def _wanted(held: Held, host: SteadyConnection, recorded: list[str]) -> list[str]:
    """Those that are missing, and those that an earlier worker had begun with."""
    there = {one.name for one in host.call(lambda c: c.checkpoints(held.guest))}
    begun = [written.about for written in held.read() if written.step == REDEFINE_CHECKPOINT]
    return [name for name in recorded if name not in there or _about(host, name) in begun]


def _about(host: SteadyConnection, checkpoint: str) -> dict[str, Any]:
    return {"host": host.host.name, "checkpoint": checkpoint}
