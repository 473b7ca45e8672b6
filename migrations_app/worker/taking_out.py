"""What this migration takes out of its guest: what its options and its preflight say, as libvirt names it now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hosts.facts.part import Part, PartKind
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import place
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.facts import Facts
from migrations_app.models.taken_out import about_part
from migrations_app.worker.procedure import NotStarted, Ready


def to_take_out(ready: Ready) -> list[dict[str, Any]]:
    """The `about` of each step. Raises NotStarted and GatewayError."""
    facts, options = ready.facts, ready.held.row.request.options
    drives = storage.ejected(facts)
    if not (options.detach or drives):
        return []
    parts = ready.source.call(lambda c: c.parts.look(ready.held.guest))
    found = [_medium(facts, part) for part in parts if part.drive in drives]
    if options.detach:
        _all_different(parts)
        found += [_device(facts, part) for part in parts if part.kind is not PartKind.MEDIUM]
    return found


def _all_different(parts: Sequence[Part]) -> None:
    """Nobody could tell which of two has left the VM, and which was put back."""
    devices = [part for part in parts if part.kind is not PartKind.MEDIUM]
    for part in devices:
        if sum(one.key == part.key for one in devices) > 1:
            raise NotStarted(
                f"The VM has more than one {part.name}, and kvmweb cannot tell them apart: detach by hand."
            )


def _medium(facts: Facts, part: Part) -> dict[str, Any]:
    definition = facts.guest.definition
    disk = None if isinstance(definition, Unknown) else definition.disk(part.drive)
    if disk is None or place(disk) != part.image:
        raise NotStarted(f"Somebody changed the medium in drive {part.drive} just now.")
    return about_part(part, other_there=storage.other_medium(facts, disk) is True and storage.seen(facts, disk) is True)


def _device(facts: Facts, part: Part) -> dict[str, Any]:
    """A PCI device at the same address may be another one, or one that the host uses, and libvirt would take it away
    from the host: only one that is known to be the same model and free is attached."""
    here, there = facts.source.devices, facts.target.devices
    other = False
    if part.device.startswith("pci "):
        ours = None if isinstance(here, Unknown) else here.get(part.device)
        theirs = None if isinstance(there, Unknown) else there.get(part.device)
        same = ours is not None and theirs is not None and ours.model == theirs.model
        other = not (same and theirs is not None and theirs.free)
    return about_part(part, other_there=other)
