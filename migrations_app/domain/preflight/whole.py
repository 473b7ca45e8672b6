"""Whether a disk can be copied as a file, byte for byte."""

from __future__ import annotations

from hosts.facts.guest import Disk
from hosts.facts.storage import Volume
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.facts import Facts


def why_not_whole(facts: Facts, disk: Disk) -> str:
    """Continues a sentence that begins with the disk; "" when it can."""
    new, volume = storage.new_place(facts, disk), storage.source_volume(facts, disk)
    if new.format != disk.format:
        return f"would get another format ({new.format}), which only a running VM's disk can get"
    if not isinstance(volume, Volume) or not volume.pool:  # the size of a block device is known without one
        return "is in no active pool, so that libvirt does not read it"
    if "block" in (disk.type, volume.type):
        return "is a block device, which only QEMU copies into a file"
    return "builds on another image, which a copied file would still need" if volume.backing else ""
