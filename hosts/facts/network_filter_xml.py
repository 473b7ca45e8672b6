"""`virsh nwfilter-dumpxml` -> NetworkFilter."""

from __future__ import annotations

from hosts.facts import xml
from hosts.facts.supplies import NetworkFilter


def parse(text: str) -> NetworkFilter:
    """Raises BadXml."""
    root = xml.parse(text, root="filter")
    return NetworkFilter(name=root.get("name"), uses=tuple(used.get("filter") for used in root.all("filterref")))
