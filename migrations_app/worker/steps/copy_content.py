"""The content of a disk of a VM that is shut off, copied into a new volume on the same host, and compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hosts.facts.storage import DiskPlace
from hosts.gateway.port import HostConnection, Tell
from kvmweb.steps import NotDone, Written
from migrations_app.models.migration import COPY_CONTENT
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.alone import Alone


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyContent:
    """`about`: "target" in the guest ("vda") and "path", the new one. Its evidence: "sha256" of both, and "modified",
    the time of the last write to the old one before it was read."""

    held: Held
    host: SteadyConnection
    target: str
    old: DiskPlace
    new: DiskPlace
    tell: Tell
    #: what this process has seen: "sha256" and "modified"
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return COPY_CONTENT

    @property
    def about(self) -> dict[str, Any]:
        return {"target": self.target, "path": self.new.path}

    @property
    def gone(self) -> str:
        return f"the new disk {self.target} does not have the content of the old one: their checksums are different"

    def do(self) -> None:
        with self._alone as alone, alone.used() as (connection,):
            self.seen["modified"] = modified(connection, self.old)
            self.seen["sha256"] = connection.disks.copy_content(self.old, self.new, self.tell)

    def verify(self, written: Written) -> dict[str, Any] | None:
        """What another process began is copied again."""
        if not written.sure:
            return None
        with self._alone as alone, alone.used() as (connection,):
            if not self.seen:
                self.seen["modified"] = modified(connection, self.old)
                self.seen["sha256"] = connection.disks.checksum(self.old, self.tell)
            if connection.disks.checksum(self.new, self.tell) != self.seen["sha256"]:
                raise NotDone(self.gone, certain=True)
        return self.seen

    def undo(self, written: Written) -> bool:
        return False

    @property
    def _alone(self) -> Alone:
        return Alone((self.host, self.held.row.source_host_uuid))


def modified(connection: HostConnection, place: DiskPlace) -> float | None:
    """When a volume was written to last; None when it is not there."""
    identity = connection.volume_identity(place.pool, place.volume, place.path)
    return identity.modified if identity else None


def file_size(connection: HostConnection, place: DiskPlace) -> int:
    return connection.disks.file_size(place)
