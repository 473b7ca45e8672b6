"""What libvirt's schemas allow in a definition. `schema.txt` is made by scripts/definition_schema.py."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_SCHEMA = Path(__file__).parent / "schema.txt"
#: the XML schema data types that are numbers; a word where one stands is nothing that kvmweb understands
_NUMBERS = ("int", "integer", "long", "short", "positiveInteger", "unsignedInt", "unsignedLong", "unsignedShort")
_NUMBER = re.compile(r"[-+]?[0-9]+")
#: a longer value than a path can be is nothing that these patterns are made for: some take very long for it
_LONGEST = 4096


@cache
def schema() -> dict[str, tuple[str, ...]]:
    """path -> what may stand there, in the form of `schema.txt`."""
    return {path: tuple(allowed) for _, path, *allowed in (line.split("\t") for line in _lines())}


@cache
def versions() -> dict[str, str]:
    """path -> the first version of libvirt that has it, of those that kvmweb knows."""
    return {path: version for version, path, *_ in (line.split("\t") for line in _lines())}


def allows(path: str, value: str) -> bool:
    """Whether `value` may stand at this path, which is in the schema."""
    allowed = schema()[path]
    return (not value and not path.rpartition("/")[2].startswith("@")) or any(_fits(value, form) for form in allowed)


def _fits(value: str, form: str) -> bool:
    sign, rest = form[0], form[1:]
    match sign:
        case "=":
            return value == rest
        case "~":
            return len(value) <= _LONGEST and re.fullmatch(rest, value, re.DOTALL) is not None
        case "#" if rest in _NUMBERS:
            return _NUMBER.fullmatch(value) is not None
        case _:
            return True


def _lines() -> list[str]:
    return _SCHEMA.read_text().splitlines()
