"""Which files that the guest's definitions name are on the destination."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import GuestDefinition
from hosts.facts.unknown import Unknown
from hosts.models import Host
from migrations_app.domain.definition.needs import boot_paths, needs
from migrations_app.domain.disks import Storage
from migrations_app.worker.facts.side import Side


def files(
    guests: tuple[GuestDefinition, ...] | Unknown, side: Side, storage: Storage
) -> dict[str, bool | Unknown] | Unknown:
    """`storage`: where the destination looks for disks that are given by pool and volume."""
    if isinstance(guests, Unknown):
        return guests
    paths = list(dict.fromkeys(path for guest in guests for path in _named(guest, storage)))
    if not paths:
        return {}
    found = side.learn(lambda c: c.files_exist(paths))
    if isinstance(found, Unknown):
        return found
    return {path: _there(found.get(path), path, side.host) for path in paths}


def _named(guest: GuestDefinition, storage: Storage) -> Iterator[str]:
    images = (path for disk in guest.disks for path in (storage.path(disk), *disk.backing, *disk.data_files))
    yield from filter(None, (*boot_paths(guest.boot), guest.emulator, *images))
    yield from (need.path for need in needs(guest) if need.absolute)


def _there(answer: bool | None, path: str, host: Host) -> bool | Unknown:
    if answer is not None:
        return answer
    return Unknown(
        f"libvirt on {host.name} does not report whether {path} exists.",
        f"Make its folder a storage pool on {host.name} and refresh the pool, or register {host.name} by ssh.",
    )
