"""The new places of disks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrations_app.domain.placement import Placement
    from migrations_app.models import Migration


def short_way(migration: Migration) -> str:
    """ "web-01 → kvm-b", or which disks go where: one line of a list."""
    name = isolated(migration.guest_name)
    if migration.kind_row.same_host:
        return f"{name}: {places_words(migration.request.options.disks)}"
    return f"{name} → {migration.target}"


def new_places(migration: Migration) -> str:
    return places_words(migration.request.options.disks)


def places_words(places: Mapping[str, Placement]) -> str:
    """ "vda to pool fast as web.qcow2, vdb in format raw"."""
    return ", ".join(f"{target}{_place(place)}" for target, place in places.items())


def _place(place: Placement) -> str:
    pool = f" to pool {isolated(place.pool)}" if place.pool else ""
    name = f" as {isolated(place.name)}" if place.name else ""
    return f"{pool}{name}" + (f" in format {place.format}" if place.format else "")
