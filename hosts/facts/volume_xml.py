"""Storage volume XML -> Volume, and the XML for a new one."""

from __future__ import annotations

import re

from hosts.facts import xml
from hosts.facts.storage import Qcow2, Volume, VolumeIdentity, VolumeSpec

#: a volume of a directory pool is a file of this name; libvirt refuses slashes itself, we do not rely on it
_NAME = re.compile(r"(?!\.{1,2}$)[^/\x00-\x1f\x7f]{1,255}")
_FORMATS = frozenset({"raw", "qcow2"})


def parse(text: str, *, pool: str) -> Volume:
    """Raises BadXml. `pool` is the name of the pool the volume is in."""
    volume = xml.parse(text, root="volume")
    format = volume.get("type", "target/format")
    return Volume(
        pool=pool,
        name=volume.name("name"),
        path=volume.text("target/path"),
        type=volume.get("type"),
        format=format,
        capacity=volume.size("capacity", "bytes"),
        allocation=volume.size("allocation", "bytes"),
        qcow2=_qcow2(volume) if format == "qcow2" else None,
        backing=volume.text("backingStore/path"),
    )


def _qcow2(volume: xml.Node) -> Qcow2:
    """libvirt says nothing of what is as it always was."""
    usual = Qcow2(compat="0.10")
    return Qcow2(
        compat=volume.text("target/compat") or usual.compat,
        cluster_size=volume.size("target/clusterSize", "bytes") or usual.cluster_size,
        lazy_refcounts=volume.has("target/features/lazy_refcounts"),
        extended_l2=volume.has("target/features/extended_l2"),
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


def file_size(text: str) -> int:
    """Bytes of its file. Raises BadXml."""
    volume = xml.parse(text, root="volume")
    return volume.size("physical", "bytes") or volume.size("capacity", "bytes")


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
    target = volume.add("target")
    target.add("format", type=spec.format)
    if spec.qcow2 and spec.format == "qcow2":
        _add_qcow2(target, spec.qcow2)
    return volume.xml()


def _add_qcow2(target: xml.Builder, wanted: Qcow2) -> None:
    """libvirt takes the features for those of compat 1.1, and writes none for 0.10."""
    target.add("compat", wanted.compat)
    target.add("clusterSize", str(wanted.cluster_size), unit="B")
    if wanted.lazy_refcounts or wanted.extended_l2:
        features = target.add("features")
        if wanted.lazy_refcounts:
            features.add("lazy_refcounts")
        if wanted.extended_l2:
            features.add("extended_l2")
