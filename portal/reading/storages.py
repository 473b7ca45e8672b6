"""The names of storage, and which pools there are to name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosts.models import StoragePool
from portal.models import Storage

if TYPE_CHECKING:
    from django.db.models import QuerySet


def storages() -> QuerySet[Storage]:
    return Storage.objects.order_by("name")


def hosts_with(pools: list[str]) -> dict[str, int]:
    """On how many hosts there is a pool with this name now."""
    found = dict.fromkeys(pools, 0)
    for name in StoragePool.objects.filter(name__in=pools, gone_since=None).values_list("name", flat=True):
        found[name] += 1
    return found


def pool_names() -> list[str]:
    return sorted(set(StoragePool.objects.filter(gone_since=None).values_list("name", flat=True)))
