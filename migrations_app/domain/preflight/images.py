"""How the images of the disks to copy are made, and with it their copies."""

from __future__ import annotations

from hosts.facts.guest import Disk
from hosts.facts.storage import Qcow2, Qcow2Header, Volume
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.facts import Facts


def header(facts: Facts, disk: Disk) -> Qcow2Header | Unknown:
    """What the file itself says. Raises NotKnown."""
    headers = facts.source.qcow2_headers
    if isinstance(headers, Unknown):
        return headers
    path = storage.here(facts).path(disk)
    return headers.get(path, Unknown(f"{facts.source.name} was not asked about {path or disk.target}."))


def source_image(facts: Facts, disk: Disk) -> Qcow2 | None:
    """How the source's image is made: by its header, else by its pool; None when neither tells. Raises NotKnown."""
    found = header(facts, disk)
    if isinstance(found, Qcow2Header):
        return found.made
    volume = storage.source_volume(facts, disk)
    return volume.qcow2 if isinstance(volume, Volume) else None


def copied_image(facts: Facts, disk: Disk) -> Qcow2 | None:
    """How the copy of a disk is made: like the source, and if nobody tells, as QEMU makes images today. None for what
    is no qcow2 image. Raises NotKnown."""
    return (source_image(facts, disk) or Qcow2()) if disk.format == "qcow2" else None
