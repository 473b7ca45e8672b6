"""A disk on its way to another place on the same host, switched over, and saved: a step each.

Each can be done again when nobody knows whether it was done, and none is undone: what was begun is judged by what the
host says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from hosts.facts.disk_copy import GuestDisks
from hosts.facts.guest import Disk, GuestDefinition
from hosts.facts.storage import DiskPlace
from hosts.gateway.port import GatewayError, HostConnection
from kvmweb.steps import NotDone, Written
from migrations_app.models.migration import COPY_CONTENT, COPY_DISK, SAVE_PLACE, SWITCH_DISK
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.copy_content import modified


def is_at(disk: Disk | None, place: DiskPlace) -> bool:
    """Whether a definition has the disk at this place."""
    if disk is None or disk.format != place.format:
        return False
    return disk.path == place.path or (disk.type == "volume" and (disk.pool, disk.volume) == (place.pool, place.volume))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedDisk(ABC):
    """`about`: "target" in the guest ("vda") and "path", the new one."""

    held: Held
    host: SteadyConnection
    target: str
    place: DiskPlace

    name: ClassVar[str]

    @property
    def about(self) -> dict[str, Any]:
        return {"target": self.target, "path": self.place.path}

    @property
    def gone(self) -> str:
        return f"disk {self.target} is not as kvmweb left it"

    def verify(self, written: Written) -> dict[str, Any] | None:
        try:
            seen = self.host.call(lambda c: c.disks.look(self.held.guest, [self.target]))
        except GatewayError as error:
            raise NotDone(error.message, certain=False) from error
        return {"path": self.place.path} if self._is_done(seen) else None

    def undo(self, written: Written) -> bool:
        return False

    @abstractmethod
    def _is_done(self, seen: GuestDisks) -> bool:
        """Whether the host shows what this step does."""

    def _ask(self, deed: Callable[[HostConnection], None]) -> None:
        try:
            self.host.call(deed)
        except GatewayError as error:
            raise NotDone(error.message, certain=not error.unanswered) from error

    def _in(self, definition: GuestDefinition | None) -> bool:
        return definition is not None and is_at(definition.disk(self.target), self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyDisk(PlacedDisk):
    name = COPY_DISK

    def do(self) -> None:
        options = self.held.row.request.options
        sync, limit = bool(options.sync_writes), (options.disk_bandwidth_mib or 0) * 1024**2
        self._ask(lambda c: c.disks.copy(self.held.guest, self.target, self.place, sync_writes=sync, bandwidth=limit))

    def _is_done(self, seen: GuestDisks) -> bool:
        job = seen.jobs.get(self.target)
        return (job is not None and job.to == self.place.path) or self._in(seen.live)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchDisk(PlacedDisk):
    name = SWITCH_DISK

    def do(self) -> None:
        self._ask(lambda c: c.disks.switch(self.held.guest, self.target))

    def _is_done(self, seen: GuestDisks) -> bool:
        return self._in(seen.live)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavePlace(PlacedDisk):
    """`off`: only while the guest is shut off, and when `old` has not been written to since it was copied."""

    off: bool
    old: DiskPlace | None = None

    name = SAVE_PLACE

    def do(self) -> None:
        if self.off and not self._unchanged():
            raise NotDone(f"disk {self.target} was written to since it was copied", certain=True)
        self._ask(lambda c: c.disks.save(self.held.guest, self.target, self.place, off=self.off))

    def _unchanged(self) -> bool:
        copies = [one for one in self.held.read() if (one.step, one.about) == (COPY_CONTENT, self.about)]
        if self.old is None or not copies or not copies[0].evidence:
            return False
        old = self.old
        try:
            now = self.host.call(lambda c: modified(c, old))
        except GatewayError as error:
            raise NotDone(error.message, certain=False) from error
        return now is not None and now == copies[0].evidence["modified"]

    def _is_done(self, seen: GuestDisks) -> bool:
        return self._in(seen.saved)
