"""What differs between the saved definition that the source had and the one that the destination has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from hosts.facts import xml
from hosts.facts.text import clean
from hosts.facts.xml import Node

#: more say only that it is another definition
MOST = 20
_LONGEST = 120
#: libvirt's own: a chain of images is read again at every start, labels are made for each run
_ITS_OWN = ("backingStore", "seclabel", "alias")
#: of a disk that was asked to change its place
_PLACE = ("source", "driver", "mirror")
#: by which child and attribute the devices of one kind are told apart
_KEYS = {"disk": ("target", "dev"), "interface": ("mac", "address"), "controller": (".", "index")}


@dataclass(frozen=True, slots=True)
class Difference:
    """`path` is that of an element or attribute, "" for a value that is not there."""

    path: str
    before: str
    after: str


def differences(before: str, after: str, *, placed: Collection[str] = (), name: str = "") -> tuple[Difference, ...]:
    """At most MOST. `placed`: the targets of the disks that were asked to change their place; `name`: the new name of
    the VM, if it was asked to get one. Raises BadXml."""
    old, new = (dict(_values(xml.parse(text, root="domain"), "", placed)) for text in (before, after))
    if name and new.get("name") == name:
        old["name"] = name
    paths = [path for path in [*old, *(path for path in new if path not in old)] if old.get(path) != new.get(path)]
    return tuple(
        Difference(path=clean(path, _LONGEST), before=_short(old.get(path)), after=_short(new.get(path)))
        for path in paths[:MOST]
    )


def _values(element: Node, path: str, placed: Collection[str]) -> Iterator[tuple[str, str]]:
    """(path, value) of every text and attribute. Elements of one name are told apart by what makes them what they are,
    else by their number."""
    moved = element.tag == "disk" and element.get("dev", "target") in placed
    yield path or ".", element.text()
    for attribute, value in element.attributes():
        if (path or attribute != "id") and not (moved and attribute == "type"):
            yield f"{path}/@{attribute}".lstrip("/"), value
    seen: Counter[str] = Counter()
    for child in element.children():
        if child.tag in _ITS_OWN or (moved and child.tag in _PLACE):
            continue
        here = f"{path}/{child.tag}".lstrip("/") + _which(child)
        seen[here] += 1
        yield from _values(child, here if seen[here] == 1 else f"{here}[{seen[here]}]", placed)


def _which(element: Node) -> str:
    if element.tag not in _KEYS:
        return ""
    child, attribute = _KEYS[element.tag]
    kind = element.get("type") if element.tag == "controller" else ""
    return f"[{' '.join(filter(None, (kind, element.get(attribute, child))))}]"


def _short(value: str | None) -> str:
    return clean(value or "", _LONGEST)
