"""`virsh checkpoint-dumpxml` -> Checkpoint."""

from __future__ import annotations

from hosts.facts import xml
from hosts.facts.checkpoint import Checkpoint


def parse(text: str) -> Checkpoint:
    """Raises BadXml."""
    root = xml.parse(text, root="domaincheckpoint")
    if not (name := root.name("name")):
        raise xml.BadXml("the checkpoint has no name")
    return Checkpoint(name=name, created=root.number("creationTime"), parent=root.name("parent/name"), xml=text)
