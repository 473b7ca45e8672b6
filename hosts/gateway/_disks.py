"""Disks that go to another place on the same host: libvirt's block copy, and the saved definition."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hosts.facts import domain_xml, mirror_xml, placed_xml
from hosts.facts.disk_copy import BlockJob, GuestDisks
from hosts.facts.storage import WHOLE, DiskPlace, Part
from hosts.facts.xml import BadXml
from hosts.gateway import _codes, _contents, _errors, _folders, port
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link
from hosts.gateway.port import Refused, Tell

if TYPE_CHECKING:
    import libvirt

#: QEMU writes out what is under way, on slow storage too
_SWITCH_SECONDS = 60.0


class Disks:
    """The methods are described in port.Disks."""

    def __init__(self, link: Link, guests: Guests) -> None:
        self._link = link
        self._guests = guests

    def look(self, uuid: str, targets: Iterable[str]) -> GuestDisks:
        wanted = tuple(targets)

        def work(raw: libvirt.virConnect) -> GuestDisks:
            import libvirt

            guest = raw.lookupByUUIDString(uuid)  # a handle that was kept keeps the number of its old run too
            state = _codes.run_state(guest.state()[0])
            live = guest.XMLDesc(0) if state.active else ""
            saved = guest.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) if guest.isPersistent() else ""
            return GuestDisks(
                state=state,
                run=int(guest.ID()) if state.active else -1,
                live=domain_xml.parse(live) if live else None,
                saved=domain_xml.parse(saved) if saved else None,
                jobs=_jobs(guest, live, wanted) if live else {},
            )

        return self._link.call("the disks of a VM", work, key=("disks", uuid))

    def virtual_size(self, uuid: str, target: str) -> int:
        def work(raw: libvirt.virConnect) -> int:
            return int(self._guests.handle(raw, uuid).blockInfo(target, 0)[0])

        return self._link.call("the size of a disk", work, key=("size", uuid, target))

    def copy(self, uuid: str, target: str, place: DiskPlace, *, sync_writes: bool = False, bandwidth: int = 0) -> None:
        def work(raw: libvirt.virConnect) -> None:
            import libvirt

            # the volume was made before, and libvirt copies a persistent guest's disk only if told that the job ends
            # with its run
            flags = libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT | libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
            if sync_writes:
                flags |= libvirt.VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES
            limits: dict[str, Any] = {libvirt.VIR_DOMAIN_BLOCK_COPY_BANDWIDTH: bandwidth} if bandwidth else {}
            self._guests.handle(raw, uuid).blockCopy(target, _xml(place), limits, flags)

        self._link.call(f"copy disk {target}", work, key=("copy", uuid, target))

    def switch(self, uuid: str, target: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            import libvirt

            self._guests.handle(raw, uuid).blockJobAbort(target, libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)

        self._link.call(f"switch disk {target} over", work, seconds=_SWITCH_SECONDS, key=("switch", uuid, target))

    def stop(self, uuid: str, target: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            self._guests.handle(raw, uuid).blockJobAbort(target, 0)

        self._link.call(f"stop the copy of disk {target}", work, seconds=_SWITCH_SECONDS, key=("stop", uuid, target))

    def save(self, uuid: str, target: str, place: DiskPlace, *, off: bool) -> None:
        def work(raw: libvirt.virConnect) -> None:
            import libvirt

            guest = self._guests.handle(raw, uuid)
            if off and guest.isActive():
                raise Refused("the VM was started", code=_errors.OPERATION_INVALID)
            text = guest.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
            guest.updateDeviceFlags(placed_xml.disk(text, target, place), libvirt.VIR_DOMAIN_AFFECT_CONFIG)

        self._link.call(f"save the place of disk {target}", work, key=("save", uuid, target))

    def copy_content(
        self, source: DiskPlace, target: DiskPlace, tell: Tell, *, to: port.Disks | None = None, part: Part = WHOLE
    ) -> str:
        there = to._link if isinstance(to, Disks) else self._link
        return _contents.copy(self._link, source, there, target, tell, part)

    def checksum(self, place: DiskPlace, tell: Tell, *, part: Part = WHOLE) -> str:
        return _contents.checksum(self._link, place, tell, part)

    def file_size(self, place: DiskPlace) -> int:
        return _contents.file_size(self._link, place)

    def file_system(self, pool: str) -> int | None:
        return _folders.file_system(self._link, pool)


def _jobs(guest: libvirt.virDomain, live: str, targets: tuple[str, ...]) -> dict[str, BlockJob]:
    found, copies = {}, mirror_xml.mirrors(live)
    for target in targets:
        if info := guest.blockJobInfo(target, 0):
            to, ready = copies.get(target, ("", False))
            found[target] = BlockJob(to=to, ready=ready, done=int(info["cur"]), total=int(info["end"]))
    return found


def _xml(place: DiskPlace) -> str:
    try:
        return placed_xml.copy(place)
    except BadXml as error:
        raise Refused(str(error)) from None
