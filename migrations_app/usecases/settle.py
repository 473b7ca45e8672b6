"""What is left to do when the hosts have said how a migration ended. Nothing here touches a running guest."""

from __future__ import annotations

from operator import methodcaller
from typing import Any

from hosts.facts.guest import JobStats
from hosts.gateway.port import GatewayError, HostConnection
from migrations_app.domain.disks import MAYBE_OWN_DISK
from migrations_app.domain.preflight.shared import virsh
from migrations_app.models import Migration
from migrations_app.usecases import ledger
from migrations_app.usecases.ledger import Claim
from migrations_app.usecases.lines import Line


def finished_job(target: Line, source: Line, uuid: str) -> JobStats | None:
    """libvirt's account of the whole move: the destination has it after a pre-copy, the source after a post-copy."""
    for line in (target, source):
        stats = line.ask(lambda c: c.finished_job(uuid))
        if stats is not None and stats.downtime_ms is not None:
            return stats
    return None


def carry_autostart(held: Claim, migration: Migration, source: Line, target: Line) -> str:
    """On at the destination if it was on at the source and is defined there; off at a source that keeps a definition.

    Returns what is left for a person to do, "" when nothing is.
    """
    if not migration.source_autostart:
        return ""
    uuid, options, left = str(migration.guest_id), migration.request.options, []
    if not options.undefine_source and not source.do(lambda c: c.set_autostart(uuid, False)):
        left.append(
            f"Autostart is still on at {migration.source}: the VM would run twice after the next start of that host."
            f" There run: virsh autostart --disable {uuid}"
        )
    if options.persist:
        if not target.do(lambda c: c.set_autostart(uuid, True)):
            left.append(f"Autostart could not be switched on at {migration.target}. There run: virsh autostart {uuid}")
        else:
            ledger.note(held, f"Autostart was on and is on at {migration.target} now.")
    for sentence in left:
        ledger.note(held, sentence)
    return " ".join(left)


def delete_own_volumes(held: Claim, migration: Migration, target: Line) -> list[dict[str, Any]]:
    """Remove the volumes this migration made, and only those; the list of what is left comes back.

    Called only when the destination has answered that it does not have the guest.
    """
    left = []
    for volume in migration.created_volumes:
        if not volume["made"]:
            left.append(volume)
            ledger.note(
                held,
                f"Whether this migration made {volume['path']} on {migration.target} is not known. {MAYBE_OWN_DISK}",
            )
            continue
        pool, name = volume["pool"], volume["name"]
        if not target.do(methodcaller("delete_volume", pool, name)):
            left.append(volume)
            ledger.note(
                held,
                f"{volume['path']} is left on {migration.target}. There run:"
                f" {virsh('vol-delete', volume['name'], flags=('--pool', volume['pool']))}",
            )
        else:
            ledger.note(held, f"Removed {volume['path']}, which this migration had made on {migration.target}.")
    return left


def make_volumes(
    held: Claim, migration: Migration, connection: HostConnection, specs: list[Any], paths: dict[str, str]
) -> None:
    """Make the destination's volumes. The intent is recorded before, the deed after: what we are not sure to have
    made ourselves is never removed. Raises GatewayError."""
    for spec in specs:
        entry = {"pool": spec.pool, "name": spec.name, "path": paths[spec.name], "made": False}
        migration.created_volumes = [*migration.created_volumes, entry]
        ledger.update(held, created_volumes=migration.created_volumes)
        try:
            connection.create_volume(spec)
        except GatewayError as error:
            if not error.unanswered:
                migration.created_volumes = migration.created_volumes[:-1]
                ledger.update(held, created_volumes=migration.created_volumes)
            raise
        entry["made"] = True
        ledger.update(held, created_volumes=migration.created_volumes)
        ledger.note(held, f"Made {entry['path']} on {migration.target}.")
