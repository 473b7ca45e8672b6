"""Devices and media of the fakes' running guests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hosts.facts.part import Part, PartKind
from hosts.gateway.port import GatewayError, GuestMissing, Refused
from tests.fakes.guests import FakeGuest

if TYPE_CHECKING:
    from tests.fakes.gateway import FakeHost

Kept = Callable[[str], None]


def usb(name: str = "046d:0825", **changes: object) -> Part:
    values: dict[str, object] = {"alias": "hostdev0", "device": f"usb {name}", "saved": True} | changes
    return Part(
        kind=PartKind.USB, key=f"usb {name}", name=f"USB device {name}", out=f"<out {name}/>", back=f"<back {name}/>",
        **values,  # type: ignore[arg-type]
    )  # fmt: skip


def teamed(mac: str = "52:54:00:00:00:02", **changes: object) -> Part:
    values: dict[str, object] = {"alias": "net1", "saved": True} | changes
    return Part(
        kind=PartKind.TEAMED, key=f"nic {mac}", name=f"NIC {mac}", out=f"<out {mac}/>", back=f"<back {mac}/>",
        **values,  # type: ignore[arg-type]
    )  # fmt: skip


def medium(image: str, drive: str = "sda") -> Part:
    return Part(
        kind=PartKind.MEDIUM, key=f"medium {drive}", name=f"CD {image}", out=f"<empty {drive}/>",
        back=f"<full {drive} {image}/>", alias="sata0-0-0", drive=drive, image=image, saved=True,
    )  # fmt: skip


class FakeParts:
    """What a guest has is in `FakeGuest.parts`; what a host can give it, in `FakeHost.offers` (None: everything)."""

    def __init__(self, called: Callable[..., FakeHost], host: str) -> None:
        self._called = called
        self.host = host
        self._kept: dict[str, Kept] = {}

    def _guest(self, method: str, uuid: str, *arguments: object) -> tuple[FakeHost, FakeGuest]:
        host = self._called(method, uuid, *arguments)
        if uuid not in host.guests:
            raise GuestMissing("Domain not found", code=42, domain=10)
        guest = host.guests[uuid]
        if not guest.active:
            raise Refused("the VM does not run", code=55)
        return host, guest

    def look(self, uuid: str) -> tuple[Part, ...]:
        return tuple(self._guest("parts.look", uuid)[1].parts)

    def detach(self, uuid: str, xml: str) -> None:
        _, guest = self._guest("parts.detach", uuid, xml)
        part = _named(guest, xml)
        if guest.holds:  # an answer of the guest, or none at all
            if uuid in self._kept and guest.refuses:
                self._kept[uuid](part.alias)
            return
        guest.parts = [one for one in guest.parts if one is not part]

    def attach(self, uuid: str, xml: str) -> None:
        host, guest = self._guest("parts.attach", uuid, xml)
        guest.parts = [*guest.parts, _offered(host, guest, xml)]

    def change(self, uuid: str, xml: str) -> None:
        host, guest = self._guest("parts.change", uuid, xml)
        if xml.startswith("<empty"):
            if guest.holds:
                raise GatewayError("internal error: timed out waiting to open tray of 'sda'", code=1, domain=10)
            part = _named(guest, xml)
            guest.parts = [one for one in guest.parts if one is not part]
        else:
            guest.parts = [*guest.parts, _offered(host, guest, xml)]

    def listen(self, uuid: str, kept: Kept) -> None:
        self._called("parts.listen", uuid)
        self._kept[uuid] = kept


def _named(guest: FakeGuest, xml: str) -> Part:
    for part in guest.parts:
        if part.out == xml:
            return part
    raise Refused("device not found in the domain", code=8, domain=10)


def _offered(host: FakeHost, guest: FakeGuest, xml: str) -> Part:
    part = next(part for part in guest.known_parts if part.back == xml)
    if host.offers is not None and part.key not in host.offers:
        raise GatewayError(f"{host.name} has no such thing: {part.name}", code=1, domain=10)
    assert part.key not in [one.key for one in guest.parts], "it has it already"
    return part
