"""The storage pools that a copy can be made in."""

from __future__ import annotations

from collections.abc import Iterable

from hosts.models import Host, StoragePool


def pools_by_name(hosts: Iterable[Host]) -> list[tuple[str, str]]:
    """(name, name with the hosts that have it) of the pools of all possible destinations: which of them it is may be
    chosen later."""
    found: dict[str, list[str]] = {}
    rows = StoragePool.objects.filter(host__in=list(hosts), gone_since=None).select_related("host")
    for pool in rows.order_by("name", "host__name"):
        found.setdefault(pool.name, []).append(pool.host.name)
    return [(name, f"{name} (on {', '.join(on)})") for name, on in found.items()]
