"""The guest's state and job on the source."""

from __future__ import annotations

from hosts.facts.guest import GuestLook
from hosts.facts.unknown import Unknown
from migrations_app.worker.facts.side import Side


def look(uuid: str, side: Side) -> GuestLook | Unknown:
    found = side.learn(lambda c: c.look(uuid))
    if not isinstance(found, Unknown) and not found.answered:
        return Unknown(f"{side.host.name}: {found.error}")
    return found
