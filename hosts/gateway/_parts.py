"""Devices and media that are taken out of a running guest and put back. Calls of listeners come from the event loop's
thread and must only set something."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from hosts.facts import part_xml
from hosts.facts.part import Part
from hosts.gateway import _codes, _errors
from hosts.gateway._guest import Guests, coming_in
from hosts.gateway._link import Link
from hosts.gateway.port import Arriving, Refused

if TYPE_CHECKING:
    import libvirt

#: libvirt itself waits 5 s for the guest, and then for its host
_SECONDS = 30.0


class Parts:
    """The methods are described in port_parts.Parts."""

    def __init__(self, link: Link, guests: Guests) -> None:
        self._link = link
        self._guests = guests
        self._kept: dict[str, Callable[[str], None]] = {}
        self._registered = False

    def look(self, uuid: str) -> tuple[Part, ...]:
        def work(raw: libvirt.virConnect) -> tuple[Part, ...]:
            import libvirt

            guest = self._guests.handle(raw, uuid)
            number, why = guest.state()
            if not _codes.run_state(number).active:
                raise Refused("the VM does not run", code=_errors.OPERATION_INVALID)
            if coming_in(guest, number, why):
                raise Arriving
            saved = guest.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) if guest.isPersistent() else ""
            return part_xml.parts(guest.XMLDesc(0), saved)

        return self._link.call("the devices of a VM", work, key=("parts", uuid))

    def detach(self, uuid: str, xml: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            import libvirt

            self._guests.handle(raw, uuid).detachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)

        self._link.call("detach a device of a VM", work, seconds=_SECONDS, key=("detach", uuid, xml))

    def attach(self, uuid: str, xml: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            import libvirt

            self._guests.handle(raw, uuid).attachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)

        self._link.call("attach a device to a VM", work, seconds=_SECONDS, key=("attach", uuid, xml))

    def change(self, uuid: str, xml: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            import libvirt

            self._guests.handle(raw, uuid).updateDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)

        self._link.call("change the medium of a VM's drive", work, seconds=_SECONDS, key=("change", uuid, xml))

    def listen(self, uuid: str, kept: Callable[[str], None]) -> None:
        self._kept[uuid] = kept
        if not self._registered:
            self._link.prepare("listen to devices that VMs do not release", self._register)
            self._registered = True

    def mute(self) -> None:
        """No more calls."""
        self._kept.clear()

    def _register(self, raw: libvirt.virConnect, undo: list[Callable[[], Any]]) -> None:
        import libvirt

        event = libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED
        undo.append(partial(raw.domainEventDeregisterAny, raw.domainEventRegisterAny(None, event, self._failed, None)))

    def _failed(self, _conn: Any, guest: Any, alias: str, _opaque: Any) -> None:
        kept = self._kept.get(guest.UUIDString())
        if kept is not None:
            kept(alias)
