"""How the images of the disks to copy are made, and with it their copies."""

from __future__ import annotations

from hosts.facts.guest import Disk
from hosts.facts.storage import Qcow2, Qcow2Header, Volume
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import size, stays

#: the first libvirt whose volumes can have it
CLUSTER_SIZE, EXTENDED_L2 = 7_004_000, 8_000_000
EXTENDED_L2_IN_QEMU = 5_002_000
#: from these on, libvirt migrates the bitmaps of the disks that it copies
BITMAPS, BITMAPS_IN_QEMU = 7_003_000, 6_000_000


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
    if storage.new_place(facts, disk).format != "qcow2":
        return None
    return (source_image(facts, disk) if disk.format == "qcow2" else None) or Qcow2()


def not_made(facts: Facts, disk: Disk) -> str:
    """What of its copy the destination is too old to make, "" if nothing is known to be. There the start would fail."""
    image, identity = copied_image(facts, disk) or Qcow2(), facts.target.identity
    libvirt, qemu = (0, 0) if isinstance(identity, Unknown) else (identity.libvirt, identity.qemu)
    if image.extended_l2 and (0 < libvirt < EXTENDED_L2 or 0 < qemu < EXTENDED_L2_IN_QEMU):
        return "extended L2 entries"
    if image.cluster_size != Qcow2().cluster_size and 0 < libvirt < CLUSTER_SIZE:
        return f"clusters of {size(image.cluster_size)}"
    return ""


def bitmaps_lost(facts: Facts) -> str:
    """Why the bitmaps of a copied disk are no longer there, or may not be."""
    return "its copy may lack them" if stays(facts) else "only libvirt 7.3 and QEMU 6.0 or newer migrate bitmaps"


def bitmaps_migrate(facts: Facts) -> bool:
    """Whether libvirt is known to copy the bitmaps of disks with them: both hosts are new enough, and it is a migration
    from host to host."""
    if stays(facts):
        return False
    known = [host.identity for host in (facts.source, facts.target) if not isinstance(host.identity, Unknown)]
    return len(known) == 2 and all(each.libvirt >= BITMAPS and each.qemu >= BITMAPS_IN_QEMU for each in known)
