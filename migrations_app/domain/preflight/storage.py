"""Disks, volumes and pools as the checks look at them."""

from __future__ import annotations

from hosts.facts.guest import Disk
from hosts.facts.storage import Pool, Volume
from migrations_app.domain.disks import disks_to_copy, folder, place, pool_at, pool_of
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import guest_of, known

#: what every check about disks needs
NEEDS = ("guest", "source.pools", "target.pools", "source_volumes", "target_volumes")


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
    """The disks with something in them that the destination must open where the source has them."""
    copied = copied_disks(facts)
    return tuple(disk for disk in guest_of(facts).disks if not disk.empty and disk.target not in copied)


def source_volume(facts: Facts, disk: Disk) -> Volume | None:
    return known(facts.source_volumes, "source_volumes").get(place(disk))


def target_volume(facts: Facts, disk: Disk) -> Volume | None:
    return known(facts.target_volumes, "target_volumes").get(place(disk))


def source_pool(facts: Facts, disk: Disk) -> Pool | None:
    return pool_of(disk, known(facts.source.pools, "source.pools"), source_volume(facts, disk))


def target_pool(facts: Facts, disk: Disk) -> Pool | None:
    """The pool of the destination that has this disk's path, or its name when the disk is given by pool."""
    pools = known(facts.target.pools, "target.pools")
    if disk.path:
        return pool_at(folder(disk.path), pools)
    return next((pool for pool in pools if pool.name == disk.pool), None)


def pool_words(pool: Pool | None) -> str:
    if pool is None:
        return "none with this path"
    origin = " ".join(filter(None, (*pool.source_hosts, pool.source_dir, pool.source_name, *pool.source_devices)))
    return f"{pool.name}, type {pool.type}, {f'from {origin}' if origin else f'{pool.capacity} bytes'}"
