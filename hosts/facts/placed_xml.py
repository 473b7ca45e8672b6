"""A guest's definition with disks in other places, for the host it migrates to."""

from __future__ import annotations

from collections.abc import Mapping

from hosts.facts import xml
from hosts.facts.storage import DiskPlace
from hosts.facts.xml import Node

_SOURCES = ("file", "dev", "pool", "volume")
#: what QEMU takes for qcow2 only
_QCOW2_ONLY = "metadata_cache"


def place(text: str, places: Mapping[str, DiskPlace], *, like: str = "") -> str:
    """The definition with these disks at their new places, by target. `like`: another definition of the same guest,
    and only disks that have the same source there are placed. Raises BadXml, also when it has not all of the disks."""
    domain = xml.parse(text, root="domain")
    disks = _disks(domain)
    others = _disks(xml.parse(like, root="domain")) if like else disks
    if missing := places.keys() - others.keys():
        raise xml.BadXml(f"the definition has no disk {', '.join(sorted(missing))}")
    for target, where in places.items():
        if target in disks and _source(disks[target]) == _source(others[target]):
            _place(disks[target], where)
    return domain.serialised()


def disk(text: str, target: str, where: DiskPlace) -> str:
    """This disk of a definition, at its new place. Raises BadXml, also when there is no such disk."""
    found = _disks(xml.parse(text, root="domain")).get(target)
    if found is None:
        raise xml.BadXml(f"the definition has no disk {target}")
    _place(found, where)
    return found.serialised()


def copy(where: DiskPlace) -> str:
    """What libvirt is told to copy a disk to. Raises BadXml."""
    made = xml.Builder("disk", type="file")
    made.add("source", file=where.path)
    made.add("driver", type=where.format)
    return made.xml()


def _disks(domain: Node) -> dict[str, Node]:
    return {disk.get("dev", "target"): disk for disk in domain.all("devices/disk")}


def _source(disk: Node) -> tuple[str, ...]:
    return tuple(disk.get(name, "source") for name in _SOURCES)


def _place(disk: Node, where: DiskPlace) -> None:
    """A copy is flat: libvirt reads from the image itself that it builds on no other."""
    by_volume = disk.get("type") == "volume"
    source, driver = disk.child("source"), disk.child("driver")
    for name in _SOURCES:
        source.set(name, "")
    if by_volume:
        source.set("pool", where.pool)
        source.set("volume", where.volume)
        source.set("mode", "")
    else:
        disk.set("type", "file")
        source.set("file", where.path)
        source.drop("reservations")
    disk.drop("backingStore")
    disk.drop("mirror")
    driver.set("type", where.format)
    if where.format != "qcow2":
        driver.drop(_QCOW2_ONLY)
        driver.set("discard_no_unref", "")
