"""The places of copied disks on the migrate page: three fields per disk, all of which may stay empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms

from kvmweb.web.plain import PlainField
from migrations_app.domain.names import LONGEST_FILE
from migrations_app.domain.placement import FORMATS, TARGET
from migrations_app.reading.pools import pools_by_name

if TYPE_CHECKING:
    from hosts.models import Guest, Host

_CHOICES = ("pool", "name", "format")


@dataclass(frozen=True, slots=True)
class PlaceRow:
    target: str
    pool: forms.BoundField
    name: forms.BoundField
    format: forms.BoundField

    @property
    def fields(self) -> tuple[forms.BoundField, ...]:
        return self.pool, self.name, self.format


def field_name(target: str, choice: str) -> str:
    return f"place-{target}-{choice}"


def targets_of(guest: Guest) -> tuple[str, ...]:
    disks = (disk for disk in guest.disks if disk.get("device") == "disk")
    return tuple(target for disk in disks if TARGET.fullmatch(target := str(disk["target"])))


def place_fields(guest: Guest, hosts: Iterable[Host]) -> dict[str, forms.Field]:
    pools = [("", "As it is now"), *pools_by_name(hosts)]
    formats = [("", "As it is now"), *((one, one) for one in FORMATS)]
    fields: dict[str, forms.Field] = {}
    for target in targets_of(guest):
        fields[field_name(target, "pool")] = forms.ChoiceField(required=False, choices=pools, label="Pool")
        fields[field_name(target, "name")] = PlainField(required=False, max_length=LONGEST_FILE, label="Volume name")
        fields[field_name(target, "format")] = forms.ChoiceField(required=False, choices=formats, label="Format")
    return fields


def chosen(values: Mapping[str, Any], targets: Sequence[str]) -> dict[str, dict[str, str]]:
    """What was filled in, as the option `disks` takes it."""
    places = {
        target: {choice: value for choice in _CHOICES if (value := values.get(field_name(target, choice)))}
        for target in targets
    }
    return {target: place for target, place in places.items() if place}


def initial_places(places: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {field_name(target, choice): value for target, place in places.items() for choice, value in place.items()}
