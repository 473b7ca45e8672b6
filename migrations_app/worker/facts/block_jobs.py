"""The disks that a block job works on; of a guest that does not run, none."""

from __future__ import annotations

from hosts.facts.guest import GuestDefinition, GuestLook
from hosts.facts.unknown import Unknown
from migrations_app.worker.facts.side import Side


def block_jobs(uuid: str, guest: GuestDefinition, look: GuestLook | Unknown, side: Side) -> tuple[str, ...] | Unknown:
    if isinstance(look, Unknown):
        return look
    targets = [disk.target for disk in guest.disks if not disk.empty]
    return side.learn(lambda c: c.block_jobs(uuid, targets)) if look.active else ()
