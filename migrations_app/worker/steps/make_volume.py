"""The volumes that a migration makes at the destination for the disks it copies: steps that are done, verified, undone.

Only what this very migration made is ever removed. A name proves nothing: somebody may have removed the volume and made
another one of that name, so its identity is written down with it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from operator import methodcaller
from typing import Any, Self

from hosts.facts.storage import Qcow2, VolumeIdentity, VolumeSpec
from hosts.gateway.port import GatewayError, HostConnection
from kvmweb.steps import NotDone, Steps, Written
from migrations_app.domain.disks import MAYBE_OWN_DISK
from migrations_app.domain.virsh import virsh
from migrations_app.models.migration import MAKE_VOLUME
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeVolume:
    """`about`: "target" in the guest ("vda"), "pool", "name" and "path" of the volume, its "format" and "capacity".
    "qcow2" says how an image is made (`Qcow2`); None for other formats, and not there in what older versions wrote."""

    held: Held
    host: SteadyConnection
    about: dict[str, Any]

    @classmethod
    def plan(cls, held: Held, host: SteadyConnection, *, target: str, path: str, spec: VolumeSpec) -> Self:
        about = {"target": target, "pool": spec.pool, "name": spec.name, "path": path}
        made = {"format": spec.format, "capacity": spec.capacity, "qcow2": asdict(spec.qcow2) if spec.qcow2 else None}
        return cls(held=held, host=host, about={**about, **made})

    @property
    def name(self) -> str:
        return MAKE_VOLUME

    @property
    def path(self) -> str:
        path: str = self.about["path"]
        return path

    @property
    def gone(self) -> str:
        return f"{self.path} was created, but is gone already: something else removes volumes there"

    def do(self) -> None:
        image = self.about.get("qcow2")
        wanted = {name: self.about[name] for name in ("pool", "name", "format", "capacity")}
        spec = VolumeSpec(**wanted, qcow2=Qcow2(**image) if image else None)
        try:
            self.host.call(lambda c: c.create_volume(spec))
        except GatewayError as error:
            raise NotDone(error.message, certain=not error.unanswered) from error

    def verify(self, written: Written) -> dict[str, Any] | None:
        if not written.sure:
            raise NotDone(self._unsure, certain=False)
        try:
            identity = self.host.call(self._ask_identity)
            if identity is not None and not identity.file:
                below = self.host.call(self._file_system)
                now = self.host.call(self._ask_identity)  # after it: what is mounted in between makes a difference
                identity = now and replace(now, file_system=below)
        except GatewayError as error:
            raise NotDone(error.message, certain=False) from error
        return None if identity is None else identity.as_json()

    def undo(self, written: Written) -> bool:
        """Called only when the host has answered that it does not have the guest, or that the guest does not use it."""
        tell, path, there = self.held.note, self.path, self.held.row.target
        if not written.sure:
            tell(f"{self._unsure}. {MAYBE_OWN_DISK}")
            return False
        now = self.host.ask(lambda c: (self._ask_identity(c),))
        if now == (None,):
            tell(f"{path}, which this migration created on {there}, is gone already.")
            return True
        if now is None or now[0] is None:
            tell(f"Left on {there}, because kvmweb cannot tell what it is now: {path}.")
            return False
        if written.evidence is None:
            tell(f"kvmweb cannot tell whether {path} on {there} is still the volume it created. {MAYBE_OWN_DISK}")
            return False
        if not now[0].may_be(VolumeIdentity(**written.evidence)):
            tell(
                f"{path} on {there} is no longer the volume that this migration created: it was replaced. kvmweb"
                " leaves it there."
            )
            return False
        if not self._in_place(now[0], VolumeIdentity(**written.evidence)):
            tell(
                f"Left on {there}: {path}. kvmweb cannot tell whether the folder is on the file system on which this"
                " migration created it. Another one may be mounted there, with the VM's own disk. When you have seen"
                f" that no VM uses this file, run on {there}: {self._command}"
            )
            return False
        return self._delete()

    def _in_place(self, now: VolumeIdentity, earlier: VolumeIdentity) -> bool:
        """Without the file itself, its file system is asked after `now`, as what is mounted in between counts."""
        now = now if now.file else replace(now, file_system=self.host.ask(self._file_system))
        return now.same_place(earlier)

    def _delete(self) -> bool:
        pool, name, there = self.about["pool"], self.about["name"], self.held.row.target
        if not self.host.do(methodcaller("delete_volume", pool, name)):
            self.held.note(
                f"kvmweb could not remove {self.path}, which this migration created. On {there} run: {self._command}"
            )
            return False
        self.held.note(f"Removed {self.path}, which this migration created on {there}.")
        return True

    @property
    def _command(self) -> str:
        return virsh("vol-delete", self.about["name"], flags=("--pool", self.about["pool"]))

    @property
    def _unsure(self) -> str:
        return f"kvmweb cannot tell whether this migration created {self.path} on {self.held.row.target}"

    def _ask_identity(self, connection: HostConnection) -> VolumeIdentity | None:
        return connection.volume_identity(self.about["pool"], self.about["name"], self.path)

    def _file_system(self, connection: HostConnection) -> int | None:
        return connection.disks.file_system(self.about["pool"])


def make_volumes(held: Held, plan: list[MakeVolume]) -> None:
    """Raises NotDone."""
    steps = Steps(held)
    for step in plan:
        steps.go([step])
        held.note(f"Created {step.path} on {held.row.target}.")


def remove_volumes(held: Held, target: SteadyConnection, *, keep: Collection[str] = ()) -> None:
    """What cannot be removed for certain stays written down. `keep`: disks whose volumes stay."""

    def volume(written: Written) -> MakeVolume | None:
        if written.step != MAKE_VOLUME or written.about.get("target") in keep:
            return None
        return MakeVolume(held=held, host=target, about=written.about)

    Steps(held).undo(volume)
