"""XML from hosts, which is hostile: one parser with its limits, and small typed look-ups. Also builds XML.

lxml stays in here: the other parsers see `Node` only. Paths are those of ElementTree ("devices/disk", "source"),
never built from a host's text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from lxml import etree

MAX_BYTES = 4 * 1024 * 1024
#: libvirt nests one level per image of a backing chain and allows 200 of them
MAX_DEPTH = 256

_UNITS = {
    "b": 1, "bytes": 1, "kb": 1000, "k": 1024, "kib": 1024, "mb": 1000**2, "m": 1024**2, "mib": 1024**2,
    "gb": 1000**3, "g": 1024**3, "gib": 1024**3, "tb": 1000**4, "t": 1024**4, "tib": 1024**4,
    "pb": 1000**5, "p": 1024**5, "pib": 1024**5, "eb": 1000**6, "e": 1024**6, "eib": 1024**6,
}  # fmt: skip
_BIGGEST = 2**64 - 1
#: in place of a secret
HIDDEN = "hidden"
_NAMESPACE = re.compile(r"\{http://libvirt\.org/schemas/domain/([a-z]+)/1\.0\}(\w+)")
_PASSWORD = re.compile(r"(://)[^/@\s]*@")
_QUERY = re.compile(r"\?[^\s?=&]+=.*", re.DOTALL)
#: what may precede the root element and a document type; further down the same words are only text
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)


class BadXml(ValueError):
    """A host sent XML that kvmweb does not read; the message says why and quotes nothing of it."""


class Node:
    """One element. Look-ups of what is not there give "", 0, None or nothing; they never raise."""

    __slots__ = ("_element",)

    def __init__(self, element: etree._Element) -> None:
        self._element = element

    @property
    def tag(self) -> str:
        tag = self._element.tag
        return tag if isinstance(tag, str) else ""

    def find(self, path: str) -> Node | None:
        found = self._element.find(path)
        return None if found is None else Node(found)

    def all(self, path: str) -> Iterator[Node]:
        for element in self._element.findall(path):
            yield Node(element)

    def children(self) -> Iterator[Node]:
        for element in self._element:
            yield Node(element)

    def has(self, path: str) -> bool:
        return self._element.find(path) is not None

    def text(self, path: str = ".") -> str:
        return self.name(path).strip()

    def name(self, path: str = ".") -> str:
        """A text whose spaces are part of it, as libvirt takes names."""
        found = self._element if path == "." else self._element.find(path)
        return (found.text or "") if found is not None else ""

    def get(self, name: str, path: str = ".") -> str:
        """An attribute of this element, or of the first one at `path`."""
        found = self._element if path == "." else self._element.find(path)
        value = found.get(name) if found is not None else None
        return str(value) if value is not None else ""

    def attributes(self) -> Iterator[tuple[str, str]]:
        for name, value in self._element.attrib.items():
            yield plain_name(str(name)), str(value)

    def number(self, path: str = ".") -> int:
        return number(self.text(path))

    def size(self, path: str, default_unit: str) -> int:
        """Bytes, from a text with a `unit` attribute as libvirt writes it."""
        unit = _UNITS.get((self.get("unit", path) or default_unit).lower(), 0)
        return min(self.number(path) * unit, _BIGGEST)

    def leaves(self, free: str) -> Iterator[tuple[str, str]]:
        """(path, value) of everything in this element, in order: of an element its text, of an attribute ("a/@b") its
        value. An element in one of the same name has that one's path: a chain of images is any number of them. What is
        inside an element `free` is left out."""
        yield from _leaves(self._element, "", free)

    def count(self) -> int:
        """Elements, this one included, and attributes."""
        return sum(1 + len(element.attrib) for element in self._element.iter())

    def blank(self, names: Collection[str]) -> None:
        """Hide the values of the attributes and the texts of the elements with these names. They stay, so that nobody
        takes the document for one without them."""
        for element in self._element.iter():
            for name in set(names) & set(map(str, element.attrib)):
                element.set(name, HIDDEN)
            if element.tag in names:
                element.text = HIDDEN

    def empty(self, names: Collection[str]) -> None:
        """Hide all that is in the elements with these names, and in those of other namespaces."""
        for element in list(self._element.iter()):
            if element.tag in names or "{" in str(element.tag):
                element.clear(keep_tail=True)
                element.text = HIDDEN

    def mask(self) -> None:
        """Hide what addresses and paths say beside the place: passwords in front of it, and queries after it."""
        for element in self._element.iter():
            for name, value in element.attrib.items():
                element.set(name, _masked(str(value)))
            element.text = _masked(element.text or "") or None

    def put(self, tag: str, text: str) -> None:
        """Give the child with this tag this text; it is added if there is none."""
        child = self._element.find(tag)
        (etree.SubElement(self._element, tag) if child is None else child).text = text

    def child(self, tag: str) -> Node:
        """The first child with this tag; it is added if there is none."""
        found = self._element.find(tag)
        return Node(etree.SubElement(self._element, tag) if found is None else found)

    def set(self, name: str, value: str) -> None:
        """ "" removes the attribute. Raises BadXml for text that XML cannot carry."""
        if value:
            self._element.set(name, _checked({name: value})[name])
        else:
            self._element.attrib.pop(name, None)

    def drop(self, tag: str) -> None:
        """Remove the children with this tag."""
        for child in self._element.findall(tag):
            self._element.remove(child)

    def serialised(self) -> str:
        return etree.tostring(self._element, encoding="unicode", with_tail=False)


def _leaves(element: etree._Element, path: str, free: str) -> Iterator[tuple[str, str]]:
    inside = f"{path}/" if path else ""
    yield path or ".", "".join((element.text or "", *(child.tail or "" for child in element))).strip()
    for name, value in element.attrib.items():
        yield f"{inside}@{plain_name(str(name))}", str(value)
    for child in element:
        name = plain_name(str(child.tag))
        if name == free:
            yield f"{inside}{name}", ""
        else:
            again = path.rsplit("/", 1)[-1] == name
            yield from _leaves(child, path if again else inside + name, free)


def _masked(value: str) -> str:
    return _QUERY.sub(f"?{HIDDEN}", _PASSWORD.sub(rf"\1{HIDDEN}@", value))


def plain_name(name: str) -> str:
    """lxml writes "{namespace}name". This is "qemu:name" for libvirt's own namespaces, and the same for others."""
    known = _NAMESPACE.fullmatch(name)
    return f"{known[1]}:{known[2]}" if known else name.removeprefix("{}")


def number(text: str) -> int:
    """A whole number of at most 20 digits, else 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else 0


def parse(text: str, *, root: str) -> Node:
    """Parse a document whose root element must be `root`. Raises BadXml.

    Refused before parsing: more than 4 MiB, and every document type (entities, external files). Refused by the
    parser or after it: what is not well-formed, and nesting deeper than MAX_DEPTH.
    """
    if len(text) > MAX_BYTES:
        raise BadXml(f"the XML is larger than {MAX_BYTES // 1024**2} MiB")
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise BadXml("the XML is not valid text") from None
    if len(data) > MAX_BYTES:
        raise BadXml(f"the XML is larger than {MAX_BYTES // 1024**2} MiB")
    prolog = _PROLOG.match(data)
    if prolog and data.startswith(b"<!", prolog.end()):
        raise BadXml("the XML has a document type, which libvirt never writes")
    try:
        element = etree.fromstring(data, _parser())
    except (etree.XMLSyntaxError, ValueError, LookupError):
        raise BadXml("the XML is not well-formed") from None
    if element.getroottree().docinfo.internalDTD is not None:
        raise BadXml("the XML has a document type, which libvirt never writes")
    _check_depth(element)
    if element.tag != root:
        raise BadXml(f"the XML is not a <{root}>")
    return Node(element)


def _parser() -> etree.XMLParser:
    """A new one per document: parsers are not to be shared between threads. The encoding cannot be chosen by a host."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        remove_comments=True,
        remove_pis=True,
    )


def _check_depth(root: etree._Element) -> None:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise BadXml(f"the XML is nested deeper than {MAX_DEPTH} levels")


class Builder:
    """Makes XML for libvirt element by element, so that no text of a host or a user can become markup."""

    def __init__(self, tag: str, **attributes: str) -> None:
        self._element = etree.Element(tag, _checked(attributes))

    def add(self, tag: str, text: str = "", **attributes: str) -> Builder:
        """Append a child and return it. Raises BadXml for text that XML cannot carry."""
        child = Builder(tag, **attributes)
        try:
            child._element.text = text or None
        except ValueError:
            raise BadXml("a text has characters that XML cannot carry") from None
        self._element.append(child._element)
        return child

    def xml(self) -> str:
        return etree.tostring(self._element, encoding="unicode")


def _checked(attributes: dict[str, str]) -> dict[str, str]:
    probe = etree.Element("probe")
    try:
        for name, value in attributes.items():
            probe.set(name, value)
    except ValueError:
        raise BadXml("a text has characters that XML cannot carry") from None
    return attributes
