"""A part of a disk of a VM that is shut off, copied into its new volume on the destination, and compared there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hosts.facts.storage import DiskPlace, Part
from hosts.gateway.port import Tell
from kvmweb.steps import NotDone, Written
from migrations_app.models.migration import STREAM_PART
from migrations_app.worker.steps.alone import Alone


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPart:
    """`about`: "target" in the guest ("vda"), "path", the new one, "offset" and "length" in bytes. Its evidence:
    "sha256" of both. `hosts` are the source and the destination. `copying` is told while it is copied, `comparing`
    while it is compared."""

    hosts: Alone
    target: str
    old: DiskPlace
    new: DiskPlace
    part: Part
    copying: Tell
    comparing: Tell
    #: what this process has seen: "sha256"
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return STREAM_PART

    @property
    def about(self) -> dict[str, Any]:
        place = {"target": self.target, "path": self.new.path}
        return {**place, "offset": self.part.offset, "length": self.part.length}

    @property
    def gone(self) -> str:
        return (
            f"{self.new.path} on the destination does not have the content of disk {self.target}: the checksums are"
            " different"
        )

    def do(self) -> None:
        with self.hosts.used() as (here, there):
            self.seen["sha256"] = here.disks.copy_content(
                self.old, self.new, self.copying, to=there.disks, part=self.part
            )

    def verify(self, written: Written) -> dict[str, Any] | None:
        """What another process began is copied again."""
        if not written.sure:
            return None
        with self.hosts.used() as (here, there):
            if not self.seen:
                self.seen["sha256"] = here.disks.checksum(self.old, self.comparing, part=self.part)
            if there.disks.checksum(self.new, self.comparing, part=self.part) != self.seen["sha256"]:
                raise NotDone(self.gone, certain=True)
        return self.seen

    def undo(self, written: Written) -> bool:
        """It goes with the volume."""
        return False
