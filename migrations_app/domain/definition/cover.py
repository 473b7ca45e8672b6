"""Which parts of a definition nobody has judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from migrations_app.domain.definition.rule import Rule
from migrations_app.domain.definition.rules import RULES
from migrations_app.domain.definition.schema import allows, schema


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of a definition that nobody judges. `because` is "" where kvmweb does not even know the part."""

    path: str
    value: str
    because: str = ""


def unread(leaves: Iterable[tuple[str, str]]) -> list[Unread]:
    """`leaves` in the order of the document. Of an element that is not known, what is inside is not told again."""
    found: list[Unread] = []
    told: set[str] = set()
    for path, value in leaves:
        if not told.isdisjoint(_above(path)):
            continue
        if path not in schema():
            found.append(Unread(path, "" if "@" not in path else value))
        elif not allows(path, value):
            found.append(Unread(path, value))
        elif not (rule := rule_for(path, value)).examined:
            found.append(Unread(path, value, rule.because))
        else:
            continue
        if not found[-1].value:
            told.add(path)
    return found


def _above(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def rule_for(path: str, value: str = "") -> Rule:
    """Raises KeyError for a path that is under no rule. Keeps no value: definitions have any number of them."""
    return RULES[rule_name(path, value)]


def rule_name(path: str, value: str = "") -> str:
    """The name in RULES: that of the value, of its form, of the path, or of the nearest place above."""
    if (name := f"{path}={value}") in RULES:
        return name
    for form, name in _forms().get(path, ()):
        if form.fullmatch(value):
            return name
    place = path
    while True:
        for name in (place, _of_every_device(place)):
            if name in RULES:
                return name
        place, slash, _ = place.rpartition("/")
        if not slash:
            raise KeyError(path)


@cache
def _forms() -> dict[str, list[tuple[re.Pattern[str], str]]]:
    """The rules that hold for values of a form, by their path."""
    found: dict[str, list[tuple[re.Pattern[str], str]]] = {}
    for name in RULES:
        path, tilde, form = name.partition("~")
        if tilde:
            found.setdefault(path, []).append((re.compile(form), name))
    return found


def _of_every_device(path: str) -> str:
    parts = path.split("/")
    return "/".join(("devices", "*", *parts[2:])) if parts[0] == "devices" and len(parts) > 2 else path
