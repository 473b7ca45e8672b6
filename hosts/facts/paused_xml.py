"""The mark by which a guest that kvmweb started paused is known again."""

from __future__ import annotations

from hosts.facts import xml

#: of the mark in the metadata of the running definition; it goes with the guest when it migrates, and ends with its run
NAMESPACE = "urn:kvmweb:paused:1"
_TAG = "paused"


def with_mark(definition: str, mark: str) -> str:
    """The definition with the mark. Raises BadXml."""
    domain = xml.parse(definition, root="domain")
    metadata = domain.child("metadata")
    metadata.drop(f"{{{NAMESPACE}}}{_TAG}")
    metadata.child(f"{{{NAMESPACE}}}{_TAG}").set("by", mark)
    return domain.serialised()


def mark_of(element: str) -> str:
    """The mark in the element that libvirt keeps under our namespace. Raises BadXml."""
    return xml.parse(element, root=_TAG).get("by")
