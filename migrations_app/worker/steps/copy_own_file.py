"""The files with a guest's own state, written to the destination before the guest is there. libvirt carries them with
the memory of a guest that runs only, and QEMU writes the variables that arrive so only when its CPUs begin to run.

A file that the destination has is kept beside it, and put back when the guest does not migrate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hosts.gateway.port import GatewayError, HostConnection, Refused
from kvmweb.steps import NotDone, Steps, Written
from migrations_app.domain.own_files import OwnFile
from migrations_app.models.migration import COPY_OWN_FILE
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOwnFile:
    """`about`: "path"; "kept": where the file that the destination had is kept, "" when it had none; the SHA-256 of our
    `content` and of the "earlier" one. The last two are not there in what older versions wrote. Its evidence:
    "sha256"."""

    held: Held
    host: SteadyConnection
    about: dict[str, Any]
    content: bytes = field(default=b"", repr=False)

    @property
    def name(self) -> str:
        return COPY_OWN_FILE

    @property
    def gone(self) -> str:
        return f"{self.about['path']} on {self.host.host} does not have the content that was written to it"

    def do(self) -> None:
        try:
            self.host.call(self._write)
        except GatewayError as error:
            raise NotDone(error.message, certain=False) from error

    def _write(self, connection: HostConnection) -> None:
        """After a worker that was killed here too."""
        files, path, kept = connection.paused.files, self.about["path"], self.about["kept"]
        if kept and _sum(files.read(kept)) != self.about["earlier"]:  # it is overwritten once there is a copy
            earlier = files.read(path)
            if earlier is None or _sum(earlier) != self.about["earlier"]:
                raise Refused(f"somebody has changed {path}")
            files.write(kept, earlier)
        files.write(path, self.content)

    def verify(self, written: Written) -> dict[str, Any] | None:
        try:
            there = self.host.call(lambda c: c.paused.files.read(self.about["path"]))
        except GatewayError as error:
            raise NotDone(error.message, certain=False) from error
        return {"sha256": _sum(there)} if there == self.content else None

    def undo(self, written: Written) -> bool:
        """Called only when the destination has answered that it does not have the guest."""
        path, kept, there = self.about["path"], self.about["kept"], self.host.host
        now = self.host.ask(lambda c: (c.paused.files.read(path),))
        ours = now is not None and now[0] is not None and _sum(now[0]) in self._ours(written)
        if ours and kept and self.host.do(lambda c: _put_back(c, path, kept)):
            self.held.note(f"Put back {path} on {there} as it was before this migration.")
            return True
        if ours and not kept and self.host.do(lambda c: c.paused.files.remove(path)):
            self.held.note(f"Removed {path}, which this migration created on {there}.")
            return True
        before = f" If there is {kept}, it is the file from before." if kept else ""
        self.held.note(f"Left on {there}, because kvmweb cannot tell what it is now: {path}.{before}")
        return False

    def _ours(self, written: Written) -> set[str]:
        known = (written.evidence or {}).get("sha256"), self.about.get("sha256")
        return {one for one in known if one}


def _put_back(connection: HostConnection, path: str, kept: str) -> None:
    files = connection.paused.files
    earlier = files.read(kept)
    if earlier is None:
        raise Refused(f"{kept} is not there any more")
    files.write(path, earlier)
    files.remove(kept)


def _sum(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def copy_own_files(held: Held, files: Iterable[OwnFile], source: SteadyConnection, target: SteadyConnection) -> None:
    """While the guest is shut off. Raises NotDone."""
    for file in files:
        try:
            _copy(held, file, source, target)
        except NotDone as error:
            why = f"kvmweb could not copy the {file.what} to {target.host}: {error}"
            raise NotDone(why, certain=error.certain) from error.__cause__


def _copy(held: Held, file: OwnFile, source: SteadyConnection, target: SteadyConnection) -> None:
    path = file.path
    try:
        ours = source.call(lambda c: c.paused.files.read(path))
        theirs = target.call(lambda c: c.paused.files.read(path))
    except GatewayError as error:
        raise NotDone(error.message, certain=True) from error
    about = next((written.about for written in _written(held) if written.about["path"] == path), None)
    if about is None:
        if ours is None and held.row.kind_row.stops:  # a VM that has run had it
            raise NotDone(f"{source.host} does not have {path}, although the VM ran there", certain=True)
        if ours is None or ours == theirs:  # it never started, or the file is on storage of both
            return
        kept = "" if theirs is None else f"{path}.before-migration-{held.row.pk}"
        about = {"path": path, "kept": kept, "sha256": _sum(ours), "earlier": _sum(theirs)}
    elif _sum(ours) != about.get("sha256"):
        raise NotDone(f"{path} was changed on {source.host} meanwhile", certain=True)
    Steps(held).go([CopyOwnFile(held=held, host=target, about=about, content=ours or b"")])
    before = f" The file before it is {about['kept']}." if about["kept"] else ""
    held.note_once(f"Copied the {file.what} to {target.host}: {path}.{before}")


def _written(held: Held) -> list[Written]:
    return [written for written in held.read() if written.step == COPY_OWN_FILE]


def own_files_copied(held: Held) -> bool:
    """Or about to be: something of them may be on the destination."""
    return bool(_written(held))


def remove_own_files(held: Held, target: SteadyConnection) -> None:
    def step(written: Written) -> CopyOwnFile | None:
        return CopyOwnFile(held=held, host=target, about=written.about) if written.step == COPY_OWN_FILE else None

    Steps(held).undo(step)
