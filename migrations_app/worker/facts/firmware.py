"""How large the guest's firmware files are on one host."""

from __future__ import annotations

from collections.abc import Mapping

from hosts.facts.guest import GuestDefinition
from hosts.facts.unknown import Unknown
from hosts.gateway.probes.file_sizes import GONE, file_sizes
from migrations_app.worker.facts.side import Side


def firmware(guest: GuestDefinition | Unknown, side: Side) -> Mapping[str, int | Unknown | None] | Unknown:
    """In bytes by path; None for a file that is not there."""
    if isinstance(guest, Unknown):
        return guest
    paths = tuple(filter(None, (guest.boot.loader, guest.boot.nvram, guest.boot.nvram_template)))
    if not paths:
        return {}
    found = side.learn(lambda c: c.probe(file_sizes, *paths))
    name = side.host.name
    if found is None:
        return Unknown(f"kvmweb can ask {name} for the size of a file only by ssh.", f"Register {name} by ssh.")
    if isinstance(found, Unknown):
        return found
    unread = Unknown(f"kvmweb may not read the file on {name}.", f"Register {name} with a user who may read it.")
    return {path: None if size == GONE else unread if size is None else size for path, size in found.items()}
