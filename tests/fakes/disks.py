"""Disks of a fake guest that are copied to another place on its host, and switched over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from hosts.facts.disk_copy import BlockJob, GuestDisks
from hosts.facts.guest import Disk, GuestDefinition
from hosts.facts.storage import WHOLE, DiskPlace, Part
from hosts.gateway.port import Aborted, GatewayError, Refused, Tell
from tests.fakes.guests import FakeGuest

if TYPE_CHECKING:
    from tests.fakes.gateway import FakeHost

#: says that this was called: the guest, and what its host has
Called = Callable[..., FakeGuest]


def placed(definition: GuestDefinition, target: str, place: DiskPlace) -> GuestDefinition:
    def at(disk: Disk) -> Disk:
        return replace(disk, path=place.path, format=place.format) if disk.target == target else disk

    return replace(definition, disks=tuple(map(at, definition.disks)))


def _part(host: FakeHost, place: DiskPlace, part: Part) -> str:
    """The content is text; a character is a byte of it."""
    end = part.offset + part.length if part.length else None
    return host.contents.get(place.path, "")[part.offset : end]


class FakeDisks:
    """`guest.copies` are the block jobs; they end with the guest's run. One that has just begun is `guest.first_copy`."""

    def __init__(self, called: Called, host: Callable[..., FakeHost]) -> None:
        self._called = called
        self._host = host

    def look(self, uuid: str, targets: Iterable[str]) -> GuestDisks:
        guest, wanted = self._called("disks.look", uuid), tuple(targets)
        if not guest.active:
            guest.copies.clear()
        jobs = {target: job for target, job in guest.copies.items() if target in wanted}
        others = {target: BlockJob() for target in guest.block_jobs if target in wanted}
        return GuestDisks(
            state=guest.state,
            run=guest.run if guest.active else -1,
            live=guest.definition if guest.active else None,
            saved=(guest.saved or guest.definition) if guest.persistent else None,
            jobs=jobs | others,
        )

    def virtual_size(self, uuid: str, target: str) -> int:
        return self._called("disks.virtual_size", uuid, target).disk_sizes.get(target, 1024**3)

    def copy(self, uuid: str, target: str, place: DiskPlace, *, sync_writes: bool = False, bandwidth: int = 0) -> None:
        guest = self._called("disks.copy", uuid, target, place, sync_writes, bandwidth)
        if not guest.active:
            raise Refused("Requested operation is not valid: domain is not running", code=55, domain=10)
        if target in guest.copies:
            raise Refused(f"disk '{target}' already in active block job", code=55, domain=10)
        guest.copies[target] = replace(guest.first_copy, to=place.path)
        guest.copied_to[target] = place

    def switch(self, uuid: str, target: str) -> None:
        guest = self._called("disks.switch", uuid, target)
        if target not in guest.copies or not guest.copies[target].ready:
            raise GatewayError(f"block job for disk {target} not ready for pivot yet", code=83, domain=10)
        del guest.copies[target]
        guest.saved = guest.saved or guest.definition
        guest.definition = placed(guest.definition, target, guest.copied_to[target])

    def stop(self, uuid: str, target: str) -> None:
        guest = self._called("disks.stop", uuid, target)
        if guest.copies.pop(target, None) is None:
            raise Refused(f"disk {target} does not have an active block job", code=55, domain=10)

    def copy_content(
        self, source: DiskPlace, target: DiskPlace, tell: Tell, *, to: FakeDisks | None = None, part: Part = WHOLE
    ) -> str:
        host = self._host("disks.copy_content", source, target)
        there = to._host("disks.write_content", target) if to else host
        read = _part(host, source, part)
        there.contents[target.path] = there.contents.get(target.path, "")[: part.offset] + read
        return self._read(host, read, tell)

    def checksum(self, place: DiskPlace, tell: Tell, *, part: Part = WHOLE) -> str:
        host = self._host("disks.checksum", place)
        return self._read(host, _part(host, place, part), tell)

    def file_size(self, place: DiskPlace) -> int:
        return len(self._host("disks.file_size", place).contents.get(place.path, ""))

    def file_system(self, pool: str) -> int | None:
        host = self._host("disks.file_system", pool)
        return host.file_systems.get(pool, 100 * 1024**3)

    def _read(self, host: FakeHost, text: str, tell: Tell) -> str:
        while True:
            if not tell(1000, 1000):
                raise Aborted("kvmweb stopped reading the volume")
            if host.reads.wait(0.01):
                return f"sha256 of {text}"

    def save(self, uuid: str, target: str, place: DiskPlace, *, off: bool) -> None:
        guest = self._called("disks.save", uuid, target, place, off)
        if off and guest.active:
            raise Refused("the VM was started", code=55, domain=10)
        if guest.active:
            guest.saved = placed(guest.saved or guest.definition, target, place)
        else:
            guest.definition, guest.saved = placed(guest.saved or guest.definition, target, place), None
