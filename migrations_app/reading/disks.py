"""The disks of a VM as a user chooses among them: name, size and place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q

from hosts.models import Volume
from kvmweb.ui.units import size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrations_app.reading.guests import GuestPage


def disk_labels(page: GuestPage) -> dict[str, str]:
    """Target -> words. The size is in them once the host's pool was read."""
    disks = page.guest.disks
    here = Q(pool__host=page.here.host_id) if page.here else Q(pk=None)
    named = Q(name__in=[disk.get("volume") for disk in disks]) | Q(path__in=[disk.get("path") for disk in disks])
    rows = list(Volume.objects.filter(here & named).values_list("pool__name", "name", "path", "capacity"))
    sizes: dict[Any, int] = {(pool, name): capacity for pool, name, _, capacity in rows}
    sizes |= {path: capacity for *_, path, capacity in rows}
    return {disk["target"]: _label(disk, sizes) for disk in disks}


def _label(disk: Mapping[str, Any], sizes: Mapping[Any, int]) -> str:
    place = f"{disk['pool']}/{disk['volume']}" if disk.get("volume") else disk.get("path", "")
    capacity = sizes.get((disk.get("pool"), disk.get("volume"))) or sizes.get(disk.get("path"))
    return ", ".join(filter(None, (disk["target"], size(capacity) if capacity else "", place)))
