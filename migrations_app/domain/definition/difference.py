"""How the saved definition of a VM on the destination differs from the source's, beside what was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from hosts.facts import placed_xml, xml
from hosts.facts.storage import DiskPlace
from hosts.facts.text import clean
from hosts.facts.xml import Node, plain_name
from migrations_app.domain.definition.secret import hides, secret

#: differences that are told, and characters of a text in them
MOST = 10
LONGEST = 120
#: elements and attributes of a definition, and levels: one with more is not compared
MOST_PARTS = 20_000
DEEPEST = 50

#: libvirt's own, made anew for each host or run
_NOT_COMPARED = frozenset({"seclabel", "backingStore", "mirror"})
#: aliases that a user gave begin so; the others are libvirt's
_USERS_ALIAS = "ua-"
HIDDEN = "not shown here"
#: versions of libvirt write down what an earlier one left out: these may be new
_DEFAULTS = frozenset(
    {
        "vcpu/@placement",
        "os/loader",
        "os/loader/@format",
        "os/nvram/@format",
        "os/nvram/@template",
        "os/nvram/@templateFormat",
        "os/firmware",
        "features/hyperv/@mode",
        "cpu/@check",
        "cpu/@migratable",
        "cpu/model/@fallback",
        "devices/controller",
        "devices/tpm/backend/@version",
    }
)
#: devices that it writes down for a machine that always had them
_OWN_DEVICES = {"devices/audio": ("type", "none"), "devices/watchdog": ("model", "itco")}
#: the file with UEFI variables that an older one looked for without being told
_NAMED_AFTER_IT = "_VARS.fd"
#: by what an element is known among those of its name: an attribute of a child, or one of its own
_KNOWN_BY = (("target", "dev"), ("mac", "address"), ("target", "name"))
_KNOWN_BY_OWN = ("name", "id", "vcpu", "vcpus", "iothread", "iothreads")
#: there is one of these in its element, whatever its name is
_ALONE = frozenset({"alias", "driver", "model", "source"})
#: the first is tried first
_ORDERED = "os/boot"


@dataclass(frozen=True, slots=True)
class Difference:
    """`path` such as "devices/disk[vda]/driver/@cache". "" is not there."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class _Part:
    """An element without what is not compared."""

    name: str
    key: str
    attributes: tuple[tuple[str, str], ...]
    text: str
    parts: tuple[_Part, ...]


def differences(
    before: str, after: str, *, name: str = "", places: Mapping[str, DiskPlace] | None = None
) -> tuple[Difference, ...]:
    """At most MOST + 1 of them. `name` and `places`, by target, are what was asked for. Raises BadXml."""
    old, new = xml.parse(before, root="domain"), xml.parse(after, root="domain")
    if max(old.count(), new.count()) > MOST_PARTS:
        raise xml.BadXml("the definition is too large to compare")
    targets = {disk.get("dev", "target") for disk in old.all("devices/disk")}
    if asked := {target: where for target, where in (places or {}).items() if target in targets}:
        old = xml.parse(placed_xml.place(before, asked), root="domain")
    if name:
        old.put("name", name)
    return tuple(islice(_differ(_part(old, ""), _part(new, ""), "", ""), MOST + 1))


def _part(node: Node, path: str) -> _Part:
    if path.count("/") >= DEEPEST:
        raise xml.BadXml("the definition is nested too deep to compare")
    inside = f"{path}/" if path else ""
    named = ((plain_name(child.tag), child) for child in node.children())
    return _Part(
        name=plain_name(node.tag),
        key=_key(node),
        attributes=tuple(sorted((name, value) for name, value in node.attributes() if path or name != "id")),
        text=node.text(),
        parts=tuple(_part(child, inside + name) for name, child in named if _compared(inside + name, child)),
    )


def _compared(path: str, node: Node) -> bool:
    if path.startswith("metadata"):
        return True
    return node.tag not in _NOT_COMPARED and (node.tag != "alias" or node.get("name").startswith(_USERS_ALIAS))


def _key(node: Node) -> str:
    if node.tag == "controller":
        return f"{node.get('type')} {node.get('index')}"
    if node.tag in _ALONE:
        return ""
    of_child = (node.get(attribute, child) for child, attribute in _KNOWN_BY)
    return next(filter(None, (*of_child, *map(node.get, _KNOWN_BY_OWN))), "")


def _differ(old: _Part, new: _Part, path: str, shown: str) -> Iterator[Difference]:
    """`shown` is the path with the keys of the elements on it."""
    inside, shown_inside = (f"{path}/", f"{shown}/") if path else ("", "")
    was, now = dict(old.attributes), dict(new.attributes)
    for name in sorted(was.keys() | now.keys()):
        at = f"{inside}@{name}"
        if was.get(name) != now.get(name) and (name in was or at not in _DEFAULTS):
            yield _told(at, f"{shown_inside}@{name}", was.get(name, ""), now.get(name, ""))
    if old.text != new.text:
        yield _told(path, shown, old.text, new.text)
    for name in dict.fromkeys(part.name for part in (*old.parts, *new.parts)):
        mine, theirs = ([part for part in of.parts if part.name == name] for of in (old, new))
        if name == "address" and _is_device(path) and not (mine and theirs):  # libvirt gives one to a device without
            continue
        for one, other in _pairs(mine, theirs, ordered=inside + name == _ORDERED):
            yield from _differ_in(one, other, inside + name, shown_inside + name)


def _is_device(path: str) -> bool:
    return path.startswith("devices/") and path.count("/") == 1


def _pairs(
    mine: Sequence[_Part], theirs: Sequence[_Part], *, ordered: bool
) -> Iterator[tuple[_Part | None, _Part | None]]:
    """Those that are not equal: by their keys, else in their order."""
    if ordered:
        yield from zip_longest(mine, theirs)
        return
    equal = Counter(mine) & Counter(theirs)
    old, new = _without(mine, equal), _without(theirs, equal)
    for one in [one for one in old if one.key]:
        other = next((other for other in new if other.key == one.key), None)
        old.remove(one)
        if other is not None:
            new.remove(other)
        yield one, other
    yield from ((None, other) for other in new if other.key)
    yield from zip_longest(old, (other for other in new if not other.key))


def _without(parts: Sequence[_Part], equal: Counter[_Part]) -> list[_Part]:
    left, kept = Counter(equal), []
    for part in parts:
        if left[part]:
            left[part] -= 1
        else:
            kept.append(part)
    return kept


def _differ_in(old: _Part | None, new: _Part | None, path: str, shown: str) -> Iterator[Difference]:
    known = old or new
    at = f"{shown}[{known.key}]" if known and known.key and not hides(path) else shown
    if old and new:
        yield from _differ(old, new, path, at)
    elif old or (new and not _is_default(new, path)):
        yield _told(path, at, _whole(old), _whole(new))


def _is_default(part: _Part, path: str) -> bool:
    if path == "os/nvram":
        return part.text.endswith(_NAMED_AFTER_IT)
    return path in _DEFAULTS or _OWN_DEVICES.get(path) in part.attributes


def _whole(part: _Part | None) -> str:
    """ "type=file, source file=/x, target dev=vda" """
    return ", ".join(islice(_said(part, ""), LONGEST)) or part.name if part else ""


def _said(part: _Part, before: str) -> Iterator[str]:
    if secret(part.name):
        yield before + HIDDEN
        return
    if part.text:
        yield before + part.text
    for name, value in part.attributes:
        yield f"{before}{name}={HIDDEN if secret(name) else value}"
    for child in part.parts:
        yield from _said(child, f"{child.name} ")


def _told(path: str, shown: str, before: str, after: str) -> Difference:
    if hides(path):
        before, after = (HIDDEN if value else "" for value in (before, after))
    return Difference(_short(shown), _short(before), _short(after))


def _short(text: str) -> str:
    """Without what turns or breaks the line."""
    text = "".join(one if one.isprintable() else "\ufffd" for one in clean(" ".join(text.split())))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
