"""Which disks of a guest are copied, and which storage they lie on."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from enum import Enum, auto

from hosts.facts.endpoint import is_loopback
from hosts.facts.guest import Disk, GuestDefinition
from hosts.facts.storage import FOLDER_POOL_TYPES, SHARED_POOL_TYPES, Mount, Pool, Volume
from hosts.facts.unknown import Unknown


def place(disk: Disk) -> str:
    """The key of `Facts.source_volumes` and `target_volumes`: path, "pool/volume" or network name."""
    if disk.path or disk.type == "network":
        return disk.path or disk.network_name
    return f"{disk.pool}/{disk.volume}" if disk.volume else ""


def folder(path: str) -> str:
    return posixpath.dirname(posixpath.normpath(path))


def pool_of(disk: Disk, pools: Iterable[Pool], volume: Volume | None) -> Pool | None:
    """The pool a disk lies in: by name when the disk or its volume says so, else by the path."""
    pools = tuple(pools)
    name = disk.pool or (volume.pool if volume else "")
    named = next((pool for pool in pools if name and pool.name == name), None)
    return named or (pool_over(disk.path, pools) if disk.path else None)


def pool_at(path: str, pools: Iterable[Pool]) -> Pool | None:
    """The pool with this folder; an active one before one that is not."""
    here = [pool for pool in pools if pool.target_path and posixpath.normpath(pool.target_path) == path]
    return next((pool for pool in here if pool.active), here[0] if here else None)


def pool_over(path: str, pools: Iterable[Pool]) -> Pool | None:
    """The pool whose folder this path is in or below: it lists only what is right in it, but is mounted there."""
    pools, at = tuple(pools), folder(path)
    pool = pool_at(at, pools)
    below = tuple(pool for pool in pools if pool.type in FOLDER_POOL_TYPES)
    while pool is None and at not in ("", "/", "//"):
        at = posixpath.dirname(at)
        pool = pool_at(at, below)
    return pool


def copy_destination(disk: Disk, path: str, pools: Iterable[Pool]) -> Pool | None:
    """Where a copy can be made: libvirt makes volumes right in a pool's folder only, and looks up a disk that is given
    by pool and volume under these names."""
    if disk.type == "volume":
        return next((pool for pool in pools if pool.name == disk.pool), None)
    return pool_at(folder(path), pools) if path else None


class Sharing(Enum):
    """Whether two places are one storage."""

    PROVEN = auto()
    #: nothing shows that they are two, but nothing shows that they are one
    POSSIBLE = auto()
    NO = auto()


def sharing(one: Pool, other: Pool) -> Sharing:
    """Two pools. One server may have two names, two servers the same export: other hosts leave it open.

    scsi and mpath pools are the devices that a host happens to see; their pools say nothing of which those are.
    """
    if one.type != other.type or one.type not in SHARED_POOL_TYPES or _source(one) != _source(other):
        return Sharing.NO
    if one.type in ("scsi", "mpath"):
        return Sharing.POSSIBLE
    common = {host for host in one.source_hosts if host in other.source_hosts and not _is_loopback(host)}
    hostless = one.type == "vstorage" and not one.source_hosts and not other.source_hosts
    return Sharing.PROVEN if common or hostless else Sharing.POSSIBLE


def same_mount(one: Mount, other: Mount) -> bool:
    """Whether two hosts' folders are proven to be one: the same export of the same server, at the same place in it."""
    return (
        bool(one.shared and other.shared and one.source)
        and (one.source, one.below) == (other.source, other.below)
        and not _is_loopback(one.source.partition(":/")[0])
        and not one.source.startswith("/dev/")
    )


def _is_loopback(host: str) -> bool:
    """Of "name", "name:port" or "[address]:port". Such a name leads every host to itself."""
    name, colon, port = host.rpartition(":")
    return is_loopback((name if colon and port.isdigit() and name.count(":") != 1 else host).strip("[]").lower())


def _source(pool: Pool) -> tuple[object, ...]:
    return pool.source_dir, pool.source_name, pool.source_devices


def disks_to_copy(
    guest: GuestDefinition,
    wanted: bool | tuple[str, ...],
    *,
    source_pools: Iterable[Pool],
    target_pools: Iterable[Pool],
    source_volumes: Mapping[str, Volume | Unknown | None],
) -> tuple[str, ...]:
    """The targets libvirt is told to copy. `wanted` True: all writable ones that are not on shared storage."""
    if wanted is False:
        return ()
    if wanted is not True:
        return tuple(disk.target for disk in guest.disks if disk.target in wanted)
    source_pools, target_pools = tuple(source_pools), tuple(target_pools)
    return tuple(
        disk.target
        for disk in guest.disks
        if _copyable(disk) and not _on_both(disk, source_pools, target_pools, source_volumes)
    )


def _copyable(disk: Disk) -> bool:
    return not (disk.empty or disk.readonly or disk.shareable or disk.type == "network")


def _on_both(
    disk: Disk,
    source_pools: Iterable[Pool],
    target_pools: Iterable[Pool],
    volumes: Mapping[str, Volume | Unknown | None],
) -> bool:
    volume = volumes.get(place(disk))
    here = pool_of(disk, source_pools, None if isinstance(volume, Unknown) else volume)
    return here is not None and any(sharing(here, pool) is not Sharing.NO for pool in target_pools)
