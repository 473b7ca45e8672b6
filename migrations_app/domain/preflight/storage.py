"""Disks, volumes and pools as the checks look at them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace

from hosts.facts.guest import STORED, Disk
from hosts.facts.storage import Mount, Pool, Volume
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import (
    Sharing,
    copy_destination,
    disks_to_copy,
    folder,
    place,
    pool_of,
    same_mount,
    sharing,
)
from migrations_app.domain.preflight.check import Remedy
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import guest_of, known, remedy, virsh

#: what every check about disks needs
NEEDS = ("guest", "source.pools", "target.pools", "source_volumes", "target_volumes")

REMOVABLE = ("cdrom", "floppy")


def copied_disks(facts: Facts) -> tuple[str, ...]:
    """The targets of the disks that this request copies, also of those the guest does not have."""
    wanted = facts.request.options.copy_disks
    if isinstance(wanted, tuple):
        return wanted
    return disks_to_copy(
        guest_of(facts),
        wanted,
        source_pools=known(facts.source.pools, "source.pools"),
        target_pools=known(facts.target.pools, "target.pools"),
        source_volumes=known(facts.source_volumes, "source_volumes"),
    )


def disks_in_place(facts: Facts) -> tuple[Disk, ...]:
    """The disks with something in them that the destination must open where the source has them.

    Without those of which nobody can say where that is (nvme, vhostuser, ...): they have a check of their own.
    """
    copied = copied_disks(facts)
    judged = (disk for disk in guest_of(facts).disks if disk.type in (*STORED, "network"))
    return tuple(disk for disk in judged if not disk.empty and disk.target not in copied)


def backing_of(disk: Disk) -> tuple[Disk, ...]:
    """The images that a disk builds on, each as if it were a disk of its own."""
    plain = replace(disk, type="file", pool="", volume="", readonly=True, shareable=False, format="", backing=())
    return tuple(replace(plain, path=path) for path in disk.backing)


def source_volume(facts: Facts, disk: Disk) -> Volume | Unknown | None:
    return known(facts.source_volumes, "source_volumes").get(place(disk))


def target_volume(facts: Facts, disk: Disk) -> Volume | Unknown | None:
    return known(facts.target_volumes, "target_volumes").get(place(disk))


def source_pool(facts: Facts, disk: Disk) -> Pool | None:
    volume = source_volume(facts, disk)
    return pool_of(disk, known(facts.source.pools, "source.pools"), volume if isinstance(volume, Volume) else None)


def target_pool(facts: Facts, disk: Disk) -> Pool | None:
    """The pool of the destination that this disk's path is in or below, or of its name when it is given by pool."""
    volume = target_volume(facts, disk)
    return pool_of(disk, known(facts.target.pools, "target.pools"), volume if isinstance(volume, Volume) else None)


def copy_path(facts: Facts, disk: Disk) -> str:
    """Where a copied disk is made, "" when its volume is not seen at the source."""
    volume = source_volume(facts, disk)
    return disk.path or (volume.path if isinstance(volume, Volume) else "")


def copy_pool(facts: Facts, disk: Disk) -> Pool | None:
    return copy_destination(disk, copy_path(facts, disk), known(facts.target.pools, "target.pools"))


def mount_of(mounts: Mapping[str, Mount | Unknown] | Unknown, disk: Disk) -> Mount | None:
    """Of `source_mounts` or `target_mounts`; None when nobody could tell."""
    found = None if isinstance(mounts, Unknown) else mounts.get(folder(disk.path))
    return found if isinstance(found, Mount) else None


def shared(facts: Facts, disk: Disk) -> Sharing:
    """Whether both hosts have one storage where this disk is, as their pools or their mounts prove."""
    here, there = source_pool(facts, disk), target_pool(facts, disk)
    by_pool = sharing(here, there) if here and there else Sharing.POSSIBLE
    if by_pool is Sharing.PROVEN and disk.path and here and there and here.target_path != there.target_path:
        by_pool = Sharing.POSSIBLE
    ours, theirs = mount_of(facts.source_mounts, disk), mount_of(facts.target_mounts, disk)
    return Sharing.PROVEN if ours and theirs and same_mount(ours, theirs) else by_pool


def seen(facts: Facts, disk: Disk) -> bool | None:
    """Whether the destination has this disk: True, False when it is known to be missing, None when nobody saw it."""
    files = facts.target_files if isinstance(facts.target_files, Mapping) else {}
    there = files.get(disk.path)
    if there is False:  # the file system knows better than a pool that was read some time ago
        return False
    if there is True or isinstance(target_volume(facts, disk), Volume):
        return True
    here, pool = source_pool(facts, disk), target_pool(facts, disk)
    if not (here and pool and here.active and pool.active and shared(facts, disk) is Sharing.PROVEN):
        return None
    # What the source has is on the destination too, whenever that read its pool. Pools do not list folders below.
    listed = isinstance(source_volume(facts, disk), Volume) or not is_in(here, disk)
    return True if listed else None


def read_again(facts: Facts, disk: Disk) -> tuple[Remedy, ...]:
    """What lets a pool of the destination notice a file that came after its last refresh, if it has a pool there."""
    pool, target = target_pool(facts, disk), facts.target.name
    if pool is None or not pool.active or seen(facts, disk) is not None:
        return ()
    return (remedy("Read the pool again, if it is there.", run=virsh("pool-refresh", pool.name), on=target),)


def may_be_taken_out(disk: Disk) -> bool:
    """libvirt empties such a drive when its medium is not at the destination. It never drops a hard disk in a move."""
    return disk.device in REMOVABLE and disk.startup_policy in ("optional", "requisite")


def is_in(pool: Pool, disk: Disk) -> bool:
    """Whether it lies right in the pool's folder; something else may be mounted on a folder below."""
    return not disk.path or posixpath.normpath(pool.target_path) == folder(disk.path)


def other_storage_words(facts: Facts, disk: Disk) -> str:
    """Of a disk that libvirt lets pass, and whose storage is not proven to be one."""
    source, target = facts.source.name, facts.target.name
    here, there = source_pool(facts, disk), target_pool(facts, disk)
    ours, theirs = (" ".join(pool.source_hosts) if pool else "" for pool in (here, there))
    if ours and theirs and ours != theirs:
        origin = f"comes from {ours} on {source} and from {theirs} on {target}: it may be other storage"
    else:
        origin = f"may be other storage on {target} than on {source}"
    return f"{origin}, and libvirt does not check it."


def place_words(facts: Facts, disk: Disk) -> dict[str, str]:
    """Where a disk is on each host, as evidence."""
    words = {}
    for host, pool, mounts in (
        (facts.source.name, source_pool(facts, disk), facts.source_mounts),
        (facts.target.name, target_pool(facts, disk), facts.target_mounts),
    ):
        words[f"pool on {host}"] = pool_words(pool)
        mount = mount_of(mounts, disk)
        if mount:
            words[f"file system on {host}"] = f"{mount.kind}, {mount.source}".removesuffix(", ")
    return words


def pool_words(pool: Pool | None) -> str:
    if pool is None:
        return "none with this path"
    origin = " ".join(filter(None, (*pool.source_hosts, pool.source_dir, pool.source_name, *pool.source_devices)))
    return f"{pool.name}, type {pool.type}, {f'from {origin}' if origin else f'{pool.capacity} bytes'}"
