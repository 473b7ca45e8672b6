"""What is on the CDs and floppies of the guest, as one host has their images."""

from __future__ import annotations

from collections.abc import Mapping

from hosts.facts.storage import FileContent
from hosts.facts.unknown import Unknown
from hosts.gateway.probes.media_contents import media_contents
from migrations_app.worker.facts.side import Side


def media(paths: list[str], side: Side) -> Mapping[str, FileContent | Unknown] | Unknown:
    """By path."""
    if not paths:
        return {}
    found = side.learn(lambda c: c.probe(media_contents, *paths))
    name = side.host.name
    if found is None:
        return Unknown(f"kvmweb can ask {name} for the content of a file only by ssh.", f"Register {name} by ssh.")
    if isinstance(found, Unknown):
        return found
    unread = Unknown(f"kvmweb may not read the image on {name}.", f"Register {name} with a user who may read it.")
    return {path: content or unread for path, content in found.items()}
