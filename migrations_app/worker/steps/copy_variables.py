"""The UEFI variables of a guest that never runs at the destination: QEMU would write those that arrive with its memory
only when its CPUs begin to run. So kvmweb writes the file there before the guest arrives; QEMU then opens it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from hosts.gateway.port import GatewayError, HostConnection, Refused
from kvmweb.steps import NotDone, Steps, Written
from migrations_app.models.migration import COPY_VARIABLES
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyVariables:
    """`about`: "path", and "kept": where the file that the destination had is kept, "" when it had none. `earlier`:
    its content. Its evidence: "sha256"."""

    held: Held
    host: SteadyConnection
    about: dict[str, Any]
    content: bytes = field(default=b"", repr=False)
    earlier: bytes = field(default=b"", repr=False)

    @property
    def name(self) -> str:
        return COPY_VARIABLES

    @property
    def gone(self) -> str:
        return f"{self.about['path']} on {self.host.host} does not have the UEFI variables that were written to it"

    def do(self) -> None:
        try:
            if self.about["kept"]:  # it may be somebody's: it is overwritten once there is a copy
                self.host.call(lambda c: c.paused.variables.write(self.about["kept"], self.earlier))
            self.host.call(lambda c: c.paused.variables.write(self.about["path"], self.content))
        except GatewayError as error:
            raise NotDone(error.message, certain=False) from error

    def verify(self, written: Written) -> dict[str, Any] | None:
        try:
            there = self.host.call(lambda c: c.paused.variables.read(self.about["path"]))
        except GatewayError as error:
            raise NotDone(error.message, certain=False) from error
        return {"sha256": _sum(there)} if there == self.content else None

    def undo(self, written: Written) -> bool:
        """Called only when the destination has answered that it does not have the guest."""
        path, kept, there = self.about["path"], self.about["kept"], self.host.host
        now = self.host.ask(lambda c: (c.paused.variables.read(path),))
        ours = now is not None and now[0] is not None and written.evidence == {"sha256": _sum(now[0])}
        if ours and kept and self.host.do(lambda c: _put_back(c, path, kept)):
            self.held.note(f"Put back {path} on {there} as it was before this migration.")
            return True
        if ours and not kept and self.host.do(lambda c: c.paused.variables.remove(path)):
            self.held.note(f"Removed {path}, which this migration created on {there}.")
            return True
        before = f" If there is {kept}, it is the file from before." if kept else ""
        self.held.note(f"Left on {there}, because kvmweb cannot tell what it is now: {path}.{before}")
        return False


def _put_back(connection: HostConnection, path: str, kept: str) -> None:
    variables = connection.paused.variables
    earlier = variables.read(kept)
    if earlier is None:
        raise Refused(f"{kept} is not there any more")
    variables.write(path, earlier)
    variables.remove(kept)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def copy_variables(held: Held, path: str, source: SteadyConnection, target: SteadyConnection) -> None:
    """Before the guest is started. Raises NotDone."""
    try:
        ours = source.call(lambda c: c.paused.variables.read(path))
        theirs = target.call(lambda c: c.paused.variables.read(path))
    except GatewayError as error:
        raise NotDone(error.message, certain=True) from error
    if ours is None or ours == theirs:  # it never started, or the file is on storage of both
        return
    kept = "" if theirs is None else f"{path}.before-migration-{held.row.pk}"
    about = {"path": path, "kept": kept}
    Steps(held).go([CopyVariables(held=held, host=target, about=about, content=ours, earlier=theirs or b"")])
    held.note(f"Copied the UEFI variables to {target.host}: {path}.{f' The file before it is {kept}.' if kept else ''}")


def remove_variables(held: Held, target: SteadyConnection) -> None:
    def step(written: Written) -> CopyVariables | None:
        return CopyVariables(held=held, host=target, about=written.about) if written.step == COPY_VARIABLES else None

    Steps(held).undo(step)
