"""The new places of disks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrations_app.domain.placement import Placement


def places_words(places: Mapping[str, Placement]) -> str:
    """ "vda to pool fast as web.qcow2, vdb in format raw"."""
    return ", ".join(f"{target}{_place(place)}" for target, place in places.items())


def _place(place: Placement) -> str:
    pool = f" to pool {isolated(place.pool)}" if place.pool else ""
    name = f" as {isolated(place.name)}" if place.name else ""
    return f"{pool}{name}" + (f" in format {place.format}" if place.format else "")
