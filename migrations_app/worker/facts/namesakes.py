"""Guests that the destination has already under this UUID or name."""

from __future__ import annotations

from hosts.facts.guest import GuestDefinition, GuestStatus
from hosts.facts.unknown import Unknown
from migrations_app.worker.facts.side import Side


def same_uuid(uuid: str, side: Side) -> GuestStatus | Unknown | None:
    return side.learn(lambda c: c.find_guest(uuid=uuid))


def same_name(guest: GuestDefinition | Unknown, side: Side, new: str | None = None) -> GuestStatus | Unknown | None:
    """`new`: the name that the guest is to have there, when it is another one."""
    if isinstance(guest, Unknown):
        return guest
    return side.learn(lambda c: c.find_guest(name=new or guest.name))
