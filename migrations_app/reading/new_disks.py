"""Where the disks of a storage migration are, and where they go, by the inventory: no host is asked."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.db.models import Q

from hosts.models import StoragePool, Volume
from migrations_app.domain.by_hand import NewDisk
from migrations_app.domain.placement import Placement

if TYPE_CHECKING:
    from hosts.models import Guest
    from migrations_app.models import Preflight


def new_disks(preflight: Preflight) -> list[NewDisk]:
    """One for each disk with a new place; [] when the inventory does not know all of them."""
    places = preflight.request.options.disks
    found = [one for target, place in places.items() for one in _new_disk(preflight.vm, preflight, target, place)]
    return found if len(found) == len(places) else []


def _new_disk(guest: Guest, preflight: Preflight, target: str, place: Placement) -> Iterator[NewDisk]:
    disk = next((row for row in guest.disks if row.get("target") == target), None)
    if disk is None:
        return
    by_name = Q(pool__name=disk["pool"], name=disk["volume"]) if disk.get("volume") else Q(path=disk.get("path", ""))
    old = Volume.objects.filter(by_name, pool__host=preflight.target_id).select_related("pool").first()
    if old is None:
        return
    wanted = place.pool or old.pool.name
    pool = StoragePool.objects.filter(host=preflight.target_id, name=wanted, gone_since=None).first()
    if pool is not None and pool.target_path:
        name, format_ = place.name or old.name, place.format or str(disk.get("format", ""))
        yield NewDisk(
            target=target,
            pool=pool.name,
            name=name,
            path=posixpath.join(pool.target_path, name),
            format=format_,
            size=old.capacity,
            other_format=format_ != disk.get("format"),
        )
