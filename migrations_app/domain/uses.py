"""Whether a VM's definition uses a file: as a disk, an image that a disk builds on, or anything else."""

from __future__ import annotations

import posixpath

from hosts.facts.guest import GuestDefinition


def uses(definition: GuestDefinition, *, path: str, pool: str, volume: str) -> bool:
    """By its path, wherever the definition has it, or by pool and volume."""
    wanted = posixpath.normpath(path)
    if any(value.startswith("/") and posixpath.normpath(value) == wanted for _, value in definition.leaves):
        return True
    for disk in definition.disks:
        if any(posixpath.normpath(one) == wanted for one in (disk.path, *disk.backing, *disk.data_files) if one):
            return True
        if disk.volume and (disk.pool, disk.volume) == (pool, volume):
            return True
    return False


def paths_of(definition: GuestDefinition) -> frozenset[str]:
    """Of the images of its disks."""
    return frozenset(path for disk in definition.disks for path in (disk.path, *disk.backing, *disk.data_files) if path)
