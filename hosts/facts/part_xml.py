"""Domain XML -> the parts that can be taken out of the running guest, each with the XML for libvirt to do so."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts import xml
from hosts.facts.domain_xml import pci_name, usb_name
from hosts.facts.part import Part, PartKind
from hosts.facts.xml import Node

_DRIVES = {"cdrom": "CD", "floppy": "floppy"}
_STORED = ("file", "volume")
#: aliases that a user gave begin so; the others are libvirt's, of one run
_USERS_ALIAS = "ua-"


def parts(live: str, saved: str = "") -> tuple[Part, ...]:
    """Of the running definition. `saved`: the inactive one, "" for none: what it says of the same part names no run and
    no host. Raises BadXml."""
    here = {} if not saved else {key: node for key, _, node in _found(xml.parse(saved, root="domain"))}
    return tuple(_part(kind, key, node, here.get(key)) for key, kind, node in _found(xml.parse(live, root="domain")))


def _found(domain: Node) -> Iterator[tuple[str, PartKind, Node]]:
    for device in domain.all("devices/hostdev"):
        if device.get("missing", "source") == "yes":
            continue  # its startup policy lets the guest run without it
        if device.get("type") == "usb":
            yield f"usb {usb_name(device.child('source'))}", PartKind.USB, device
        elif _leaves(device) and device.get("type") == "pci":
            yield f"pci {pci_name(device.find('source/address'))}", PartKind.TEAMED, device
    for nic in domain.all("devices/interface"):
        if _leaves(nic):
            yield f"nic {nic.get('address', 'mac').lower()}", PartKind.TEAMED, nic
    for disk in domain.all("devices/disk"):
        if disk.get("device") in _DRIVES and disk.get("type") in _STORED and _image(disk):
            yield f"medium {disk.get('dev', 'target')}", PartKind.MEDIUM, disk


def _leaves(device: Node) -> bool:
    return device.get("type", "teaming") == "transient"


def _part(kind: PartKind, key: str, live: Node, saved: Node | None) -> Part:
    """`saved` is only the same medium when it is the same image."""
    same = saved is not None and (kind is not PartKind.MEDIUM or _image(saved) == _image(live))
    back = _clean(saved if same and saved is not None else live)
    alias = live.get("name", "alias")
    if kind is PartKind.MEDIUM:
        drive, image = live.get("dev", "target"), _image(live)
        name = f"{_DRIVES[live.get('device')]} {image}"
        return Part(
            kind=kind, key=key, name=name, out=_emptied(back), back=back.serialised(), alias=alias, drive=drive,
            image=image, saved=same,
        )  # fmt: skip
    usb = kind is PartKind.USB
    known = not usb or back.has("source/vendor")
    what = key.split(" ", 1)[1]
    name = f"USB device {what}" if usb else f"NIC {what}" if live.tag == "interface" else f"PCI device {what}"
    out, again = live.serialised(), back.serialised()
    return Part(
        kind=kind,
        key=key,
        name=name,
        out=out,
        back=again,
        alias=alias,
        device=_device(back),
        anywhere=known,
        saved=same,
    )


def _device(back: Node) -> str:
    """Of a NIC from a network's pool it is libvirt that chooses."""
    if back.tag == "hostdev" and back.get("type") == "usb":
        return f"usb {usb_name(back.child('source'))}"
    named = back.tag == "hostdev" or back.get("type") == "hostdev"
    return f"pci {pci_name(back.find('source/address'))}" if named else ""


def _image(disk: Node) -> str:
    pool, volume = disk.get("pool", "source"), disk.get("volume", "source")
    return disk.get("file", "source") or (f"{pool}/{volume}" if volume else "")


def _clean(part: Node) -> Node:
    """A copy without what libvirt adds for one run."""
    copy = xml.parse(part.serialised(), root=part.tag)
    if not copy.get("name", "alias").startswith(_USERS_ALIAS):
        copy.drop("alias")
    for tag in ("backingStore", "mirror"):
        copy.drop(tag)
    source = copy.find("source")
    if source is not None:
        for name in ("index", "portid") + (("bridge",) if source.get("network") else ()):
            source.set(name, "")
        if source.has("vendor"):
            source.drop("address")
    if copy.tag == "interface":
        copy.drop("target")
    return copy


def _emptied(drive: Node) -> str:
    copy = xml.parse(drive.serialised(), root=drive.tag)
    copy.drop("source")
    return copy.serialised()
