"""Where a copied disk gets its new place: pool, volume name and format, each as it is now where nothing is chosen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migrations_app.domain.names import LONGEST_FILE, name_problem

FORMATS = ("raw", "qcow2")
#: a disk of a definition, such as vda
TARGET = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_CHOICES = ("pool", "name", "format")


class BadPlacement(ValueError):
    """The message is for a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Of one disk. "" is no choice. Raises BadPlacement."""

    pool: str = ""
    name: str = ""
    format: str = ""

    def __post_init__(self) -> None:
        if not (self.pool or self.name or self.format):
            raise BadPlacement("choose at least one of pool, name and format.")
        for what, name in (("the pool name", self.pool), ("the volume name", self.name)):
            if problem := name_problem(what, name, longest=LONGEST_FILE):
                raise BadPlacement(problem)
        if self.format and self.format not in FORMATS:
            raise BadPlacement(f"the format must be {' or '.join(FORMATS)}.")

    def as_json(self) -> dict[str, str]:
        return {choice: value for choice in _CHOICES if (value := getattr(self, choice))}


class Placements(Mapping[str, Placement]):
    """By the target of the disk. Never changes."""

    __slots__ = ("_places",)

    def __init__(self, places: Mapping[str, Placement] | None = None) -> None:
        self._places = dict(sorted((places or {}).items()))

    def __getitem__(self, target: str) -> Placement:
        return self._places[target]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __hash__(self) -> int:
        return hash(tuple(self._places.items()))

    def __repr__(self) -> str:
        return f"Placements({self.as_json()})"

    def as_json(self) -> dict[str, dict[str, str]]:
        return {target: placement.as_json() for target, placement in self._places.items()}


def placements(given: object) -> Placements:
    """From JSON: {"vda": {"pool": "fast", "name": "web.qcow2", "format": "qcow2"}}. Raises BadPlacement."""
    if isinstance(given, Placements):
        return given
    if not isinstance(given, Mapping) or not given:
        raise BadPlacement("must be an object with a disk such as vda and its new place")
    found = Placements({_target(target): _placement(target, place) for target, place in given.items()})
    places = Counter((place.pool, place.name) for place in found.values() if place.pool and place.name)
    for (pool, name), disks in places.items():
        if disks > 1:
            raise BadPlacement(f"Two disks cannot have one place: volume {name} in pool {pool}.")
    return found


def _target(target: Any) -> str:
    if not isinstance(target, str) or not TARGET.fullmatch(target):
        raise BadPlacement("a disk is named by its target, such as vda")
    return target


def _placement(target: str, place: object) -> Placement:
    try:
        if not isinstance(place, Mapping) or not all(isinstance(value, str) for value in place.values()):
            raise BadPlacement("its place is an object with texts for pool, name and format.")
        if strange := sorted(map(str, place.keys() - set(_CHOICES))):
            raise BadPlacement(f"a place has pool, name and format, not {', '.join(strange)[:80]!r}.")
        if empty := [choice for choice in _CHOICES if place.get(choice) == ""]:
            raise BadPlacement(f"the {empty[0]} is empty. Leave it out to keep it as it is.")
        return Placement(**place)
    except BadPlacement as bad:
        raise BadPlacement(f"Disk {target}: {bad}") from None
