"""Where a guest could migrate to, based on what was last seen of it and of the hosts. No host is asked: the preflight
does that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hosts.facts.guest import RunState
from migrations_app.domain.kinds import KINDS

#: the states in which some kind of migration works
MOVES = frozenset[RunState]().union(*(row.wants for row in KINDS))
#: host devices that prevent a migration; the others only make the preflight warn
FIXED = ("pci", "mdev")
WHEN_OFF = "It can migrate only while it is shut off (Stop, migrate, start)."
_STATES = {
    RunState.CRASHED: "It has crashed.",
    RunState.PMSUSPENDED: "It is suspended by its own operating system.",
    RunState.SHUTDOWN: "It is shutting down.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSeen:
    """`closed`: why it cannot be a destination now, "" when it can. `networks`, `bridges`: name -> active."""

    name: str
    closed: str
    memory_free_kib: int
    networks: Mapping[str, bool]
    bridges: Mapping[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestSeen:
    """`here` is the host that has it, None when none does; `unread`: why that host cannot be read now, "" when it can.

    `also`: other hosts that have it, and in which state. `receiving`: the one of them that a migration copies it to.
    `nics` and `devices` as in the inventory: fields of hosts.facts.guest.Nic and HostDevice; empty unless `read`.
    """

    state: RunState
    here: HostSeen | None
    unread: str
    read: bool
    memory_kib: int
    nics: Sequence[Mapping[str, Any]]
    devices: Sequence[Mapping[str, Any]]
    also: Mapping[str, RunState] = field(default_factory=dict)
    receiving: str = ""


def held_back(guest: GuestSeen) -> str:
    """Why the guest cannot migrate to any host; "" when nothing is known that prevents it."""
    if guest.here is None:
        return "No host reports it."
    if guest.unread:
        return f"{guest.here.name} {guest.unread}."
    if guest.receiving:
        return f"It is migrating to {guest.receiving} now."
    if guest.state not in MOVES:
        return _STATES.get(guest.state, "Its state is unknown.")
    if not guest.read:
        return "Its definition has not been read yet."
    for device in guest.devices:
        if device.get("type") in FIXED and not device.get("teaming_transient"):
            return f"{device['type'].upper()} device {device.get('name', '')} belongs to {guest.here.name}. {WHEN_OFF}"
    if any(nic.get("type") == "vdpa" for nic in guest.nics):
        return f"Its vDPA device belongs to {guest.here.name}. {WHEN_OFF}"
    return ""


def objections(guest: GuestSeen, there: HostSeen) -> tuple[str, ...]:
    """What was seen on a host that prevents a migration to it: each continues a sentence that begins with its name."""
    return (*dict.fromkeys(_missing(guest, there)),)


def _missing(guest: GuestSeen, there: HostSeen) -> Iterator[str]:
    for nic in guest.nics:
        kind, name = nic.get("type"), nic.get("source", "")
        if kind == "network":
            yield from _judge("network", name, there.networks)
        # A bridge that its own host does not show either is of a kind that the inventory does not have (Open vSwitch).
        elif kind == "bridge" and guest.here is not None and name in guest.here.bridges:
            yield from _judge("bridge", name, there.bridges)
    if there.name in guest.also:
        yield f"already has a VM with this UUID ({guest.also[there.name]})"
    if guest.memory_kib > there.memory_free_kib:
        yield "has less free memory than the VM needs"


def _judge(kind: str, name: str, seen: Mapping[str, bool]) -> Iterator[str]:
    if name not in seen:
        yield f"has no {kind} {name}"
    elif not seen[name]:
        yield f"has {kind} {name}, but it is inactive"
