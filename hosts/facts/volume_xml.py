"""Storage volume XML -> Volume, and the XML for a new one."""

from __future__ import annotations

import re

from hosts.facts import xml
from hosts.facts.storage import Volume, VolumeIdentity, VolumeSpec

#: a volume of a directory pool is a file of this name; libvirt refuses slashes itself, we do not rely on it
_NAME = re.compile(r"(?!\.{1,2}$)[^/\x00-\x1f\x7f]{1,255}")
_FORMATS = frozenset({"raw", "qcow2"})


def parse(text: str, *, pool: str) -> Volume:
    """Raises BadXml. `pool` is the name of the pool the volume is in."""
    volume = xml.parse(text, root="volume")
    return Volume(
        pool=pool,
        name=volume.name("name"),
        path=volume.text("target/path"),
        type=volume.get("type"),
        format=volume.get("type", "target/format"),
        capacity=volume.size("capacity", "bytes"),
        allocation=volume.size("allocation", "bytes"),
    )


def identity(text: str, *, file: str = "") -> VolumeIdentity:
    """Raises BadXml."""
    volume = xml.parse(text, root="volume")
    return VolumeIdentity(
        capacity=volume.size("capacity", "bytes"),
        format=volume.get("type", "target/format"),
        modified=_seconds(volume.text("target/timestamps/mtime")),
        file=file,
    )


def _seconds(text: str) -> float:
    try:
        return float(text[:40])
    except ValueError:
        return 0.0


def build(spec: VolumeSpec) -> str:
    """XML for storageVolCreateXML: sparse, exactly `capacity` bytes. Raises BadXml for what we never make."""
    if not _NAME.fullmatch(spec.name):
        raise xml.BadXml("a volume's name is the name of a file")
    if spec.format not in _FORMATS:
        raise xml.BadXml("a volume is made as raw or qcow2")
    if spec.capacity <= 0:
        raise xml.BadXml("a volume has a size")
    volume = xml.Builder("volume")
    volume.add("name", spec.name)
    volume.add("capacity", str(spec.capacity), unit="bytes")
    volume.add("allocation", "0", unit="bytes")
    volume.add("target").add("format", type=spec.format)
    return volume.xml()
