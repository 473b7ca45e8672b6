"""Which disks of a guest are copied, and which storage they lie on."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping

from hosts.facts.guest import Disk, GuestDefinition
from hosts.facts.storage import SHARED_POOL_TYPES, Pool, Volume


def place(disk: Disk) -> str:
    """The key of `Facts.source_volumes` and `target_volumes`: path, "pool/volume" or network name."""
    if disk.path or disk.type == "network":
        return disk.path or disk.network_name
    return f"{disk.pool}/{disk.volume}" if disk.volume else ""


def folder(path: str) -> str:
    return posixpath.dirname(posixpath.normpath(path))


def pool_of(disk: Disk, pools: Iterable[Pool], volume: Volume | None) -> Pool | None:
    """The pool a disk lies in: by name when the disk or its volume says so, else by the path's folder."""
    pools = tuple(pools)
    name = disk.pool or (volume.pool if volume else "")
    named = next((pool for pool in pools if name and pool.name == name), None)
    return named or (pool_at(folder(disk.path), pools) if disk.path else None)


def pool_at(path: str, pools: Iterable[Pool]) -> Pool | None:
    """The pool with this folder; an active one before one that is not."""
    here = [pool for pool in pools if pool.target_path and posixpath.normpath(pool.target_path) == path]
    return next((pool for pool in here if pool.active), here[0] if here else None)


def same_storage(one: Pool, other: Pool) -> bool:
    """Whether two pools are one storage. Hosts are not compared: one server has many names."""
    return one.type == other.type and one.type in SHARED_POOL_TYPES and _source(one) == _source(other)


def _source(pool: Pool) -> tuple[object, ...]:
    return pool.source_dir, pool.source_name, pool.source_devices


def disks_to_copy(
    guest: GuestDefinition,
    wanted: bool | tuple[str, ...],
    *,
    source_pools: Iterable[Pool],
    target_pools: Iterable[Pool],
    source_volumes: Mapping[str, Volume | None],
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
    volumes: Mapping[str, Volume | None],
) -> bool:
    here = pool_of(disk, source_pools, volumes.get(place(disk)))
    there = here and next((pool for pool in target_pools if same_storage(here, pool)), None)
    return there is not None
