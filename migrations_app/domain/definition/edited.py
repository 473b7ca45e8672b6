"""What somebody has changed in the saved definition of a VM between two looks at it, of what its migration was checked
for and copies: disks, host devices, firmware.

Both are saved definitions of the same host. What libvirt writes into one by itself is no change: a newer one adds the
firmware that it chose, and the format of a disk. Disks of types without a place that kvmweb reads (nvme, vhostuser)
are compared by their type alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hosts.facts.guest import Disk, GuestDefinition


def edited(before: GuestDefinition, now: GuestDefinition) -> tuple[str, ...]:
    """ "disk vdb", "host devices", "firmware"."""
    return tuple(_edited(before, now))


def _edited(before: GuestDefinition, now: GuestDefinition) -> Iterator[str]:
    for target in dict.fromkeys(disk.target for disk in (*before.disks, *now.disks)):
        if not _same_disk(before.disk(target), now.disk(target)):
            yield f"disk {target}"
    if _devices(before) != _devices(now):
        yield "host devices"
    if not _same_firmware(before, now):
        yield "firmware"


def _same_disk(one: Disk | None, other: Disk | None) -> bool:
    if one is None or other is None:
        return False
    return _place(one) == _place(other) and _agree(one.format, other.format)


def _place(disk: Disk) -> tuple[str, ...]:
    return disk.device, disk.type, disk.path, disk.pool, disk.volume, disk.network_name


def _devices(guest: GuestDefinition) -> Counter[tuple[str, str]]:
    return Counter((device.type, device.name) for device in guest.host_devices)


def _same_firmware(before: GuestDefinition, now: GuestDefinition) -> bool:
    chosen = before.values("os/@firmware")
    if chosen != now.values("os/@firmware"):
        return False
    loaders = before.boot.loader, now.boot.loader
    return (_agree(*loaders) if chosen else loaders[0] == loaders[1]) and _agree(before.boot.nvram, now.boot.nvram)


def _agree(one: str, other: str) -> bool:
    """One that says nothing contradicts nothing."""
    return not (one and other) or one == other
