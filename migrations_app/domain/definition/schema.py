"""What libvirt's schemas allow in a definition. `schema.txt` is made by scripts/definition_schema.py."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

_SCHEMA = Path(__file__).parent / "schema.txt"
#: the XML schema data types that are numbers; a word where one stands is nothing that kvmweb understands
_NUMBERS = ("int", "integer", "long", "short", "positiveInteger", "unsignedInt", "unsignedLong", "unsignedShort")
_NUMBER = re.compile(r"[-+]?[0-9]+")
#: a longer value than a path can be is nothing that these patterns are made for: some take very long for it
_LONGEST = 4096


#: what is in the oldest schemas may be older than they are
_OLDEST = 9_000_000
_FORM = re.compile(r"([0-9.]*)([=~#*])(.*)", re.DOTALL)


@cache
def schema() -> dict[str, tuple[str, ...]]:
    """path -> what may stand there, in the form of `schema.txt` without versions."""
    return {path: tuple(form for _, form in forms) for path, forms in _forms().items()}


@cache
def versions() -> dict[str, str]:
    """path -> the first version of libvirt that has it, of those that kvmweb knows."""
    return {path: version for version, path, *_ in (line.split("\t") for line in _lines())}


def since(path: str, value: str) -> str:
    """The first of these versions that has this value at this path, which allows it."""
    path_since = versions()[path]
    known = [version for version, form in _forms()[path] if version and _fits(value, form)]
    older = any(not version and _fits(value, form) for version, form in _forms()[path])
    return known[0] if known and not older and value else path_since


def newer(leaves: Iterable[tuple[str, str]], *, than: int) -> Iterator[tuple[str, str, int]]:
    """(path, value, version) of what no known libvirt up to the version `than` has; of what is inside such an element
    only the element. Versions are numbers as libvirt gives them."""
    told: list[str] = []
    for path, value in leaves:
        if path not in schema() or not allows(path, value) or any(path.startswith(f"{above}/") for above in told):
            continue
        major, _, minor = since(path, value).partition(".")
        number = int(major) * 1_000_000 + int(minor) * 1_000
        if number > than and number > _OLDEST:
            told.append(path)
            yield path, value if "@" in path else "", number


def allows(path: str, value: str) -> bool:
    """Whether `value` may stand at this path, which is in the schema."""
    allowed = schema()[path]
    return (not value and not path.rpartition("/")[2].startswith("@")) or any(_fits(value, form) for form in allowed)


@cache
def _forms() -> dict[str, tuple[tuple[str, str], ...]]:
    """path -> (the version that brought it, when that is later than the path; what may stand there)."""
    return {path: tuple(map(_form, allowed)) for _, path, *allowed in (line.split("\t") for line in _lines())}


def _form(written: str) -> tuple[str, str]:
    match = _FORM.fullmatch(written)
    assert match, written
    return match[1], match[2] + match[3]


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
