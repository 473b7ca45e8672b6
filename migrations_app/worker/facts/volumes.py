"""The volumes where the guest's disks are, and the images they build on."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from operator import methodcaller

from hosts.facts.guest import Disk, GuestDefinition
from hosts.facts.storage import Volume
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import place, placed
from migrations_app.domain.placement import Placement
from migrations_app.worker.facts.side import Side

Volumes = dict[str, Volume | Unknown | None]


def with_copies(
    definition: GuestDefinition | Unknown, every: tuple[GuestDefinition, ...] | Unknown, places: Mapping[str, Placement]
) -> tuple[GuestDefinition, ...] | Unknown:
    """The destination is asked about the places of the copies too."""
    if isinstance(every, Unknown) or isinstance(definition, Unknown) or not places:
        return every
    return (
        *every,
        replace(definition, disks=tuple(placed(d, places[d.target]) for d in definition.disks if d.target in places)),
    )


def volumes(guests: tuple[GuestDefinition, ...] | Unknown, side: Side) -> Volumes | Unknown:
    """One question per place: one that fails leaves the others' answers."""
    if isinstance(guests, Unknown):
        return guests
    if isinstance(side.connection, Unknown):
        return side.connection
    found: Volumes = {}
    disks = [disk for guest in guests for disk in guest.disks]
    for disk in disks:
        if disk.volume and place(disk) not in found:
            found[place(disk)] = side.learn(methodcaller("volume_named", disk.pool, disk.volume))
    for path in dict.fromkeys(path for disk in disks for path in (disk.path, *disk.backing) if path):
        found[path] = side.learn(methodcaller("volume_at", path))
    return found


def with_devices(
    found: Volumes | Unknown, uuid: str, definition: GuestDefinition | Unknown, side: Side
) -> Volumes | Unknown:
    """Block devices that no pool of the source shows, as large as the guest sees them: what a copy needs room for."""
    if isinstance(found, Unknown) or isinstance(definition, Unknown):
        return found
    devices = (d for d in definition.disks if d.type == "block" and not d.empty and found.get(place(d)) is None)
    return {**found, **{disk.path: _device(uuid, disk, side) for disk in devices}}


def _device(uuid: str, disk: Disk, side: Side) -> Volume | Unknown:
    size = side.learn(lambda c: c.disks.virtual_size(uuid, disk.target))
    if isinstance(size, Unknown):
        return size
    name = posixpath.basename(disk.path)
    return Volume(pool="", name=name, path=disk.path, type="block", format=disk.format, capacity=size, allocation=size)
