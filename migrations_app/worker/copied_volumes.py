"""The volumes that a migration makes at the destination for the disks it copies: made, removed, looked at in the end.

Only what this very migration made is ever removed. A name proves nothing: somebody may have removed the volume and made
another one of that name, so its identity is written down with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

from hosts.facts.guest import GuestDetails
from hosts.facts.storage import VolumeIdentity, VolumeSpec
from hosts.gateway.port import GatewayError, HostConnection
from migrations_app.domain.disks import MAYBE_OWN_DISK
from migrations_app.domain.preflight.shared import virsh
from migrations_app.domain.verdict import Loss, LostDisk
from migrations_app.models import Migration
from migrations_app.worker import ledger
from migrations_app.worker.ledger import Claim
from migrations_app.worker.lines import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskCopy:
    """A disk to copy: its target in the guest ("vda"), the volume to make for it, and the path that will have."""

    target: str
    path: str
    spec: VolumeSpec


def make_volumes(held: Claim, migration: Migration, connection: HostConnection, copies: Sequence[DiskCopy]) -> None:
    """Make the destination's volumes. The intent is recorded before, the deed after: what we are not sure to have
    made ourselves is never removed. Raises GatewayError."""
    for copy in copies:
        spec = copy.spec
        entry: dict[str, Any] = {"target": copy.target, "pool": spec.pool, "name": spec.name, "path": copy.path}
        entry |= {"made": False, "identity": None}
        migration.created_volumes = [*migration.created_volumes, entry]
        ledger.update(held, created_volumes=migration.created_volumes)
        try:
            connection.create_volume(spec)
        except GatewayError as error:
            if not error.unanswered:
                migration.created_volumes = migration.created_volumes[:-1]
                ledger.update(held, created_volumes=migration.created_volumes)
            raise
        entry["made"] = True  # also when it cannot be told what it is: it must not be forgotten
        ledger.update(held, created_volumes=migration.created_volumes)
        identity = connection.volume_identity(spec.pool, spec.name, copy.path)
        if identity is None:
            raise GatewayError(f"{copy.path} was made and is gone again: somebody else removes volumes there")
        entry["identity"] = identity.as_json()
        ledger.update(held, created_volumes=migration.created_volumes)
        ledger.note(held, f"Made {copy.path} on {migration.target}.")


def delete_own_volumes(held: Claim, migration: Migration, target: Line) -> list[dict[str, Any]]:
    """Remove the volumes this migration made, and only those; the list of what is left comes back.

    Called only when the destination has answered that it does not have the guest.
    """
    return [volume for volume in migration.created_volumes if not _removed(held, migration, target, volume)]


def _removed(held: Claim, migration: Migration, target: Line, volume: dict[str, Any]) -> bool:
    """Whether it is certain that nothing of ours is left there."""
    pool, name, path = volume["pool"], volume["name"], volume["path"]
    if not volume["made"]:
        ledger.note(held, f"Whether this migration made {path} on {migration.target} is not known. {MAYBE_OWN_DISK}")
        return False
    now = target.ask(lambda c: (c.volume_identity(pool, name, path),))
    if now == (None,):
        ledger.note(held, f"{path}, which this migration had made on {migration.target}, is gone already.")
        return True
    if now is None or now[0] is None:
        ledger.note(held, f"{path} is left on {migration.target}, which does not say what it is now.")
        return False
    made = _identity(volume)
    if made is None:
        text = f"Whether {path} on {migration.target} still is what this migration made is not known. {MAYBE_OWN_DISK}"
        ledger.note(held, text)
        return False
    if not now[0].may_be(made):
        ledger.note(
            held,
            f"{path} on {migration.target} is not the volume that this migration made: it was replaced meanwhile."
            " It is left as it is.",
        )
        return False
    if not target.do(methodcaller("delete_volume", pool, name)):
        command = virsh("vol-delete", name, flags=("--pool", pool))
        ledger.note(held, f"{path}, made by this migration, is left on {migration.target}. There run: {command}")
        return False
    ledger.note(held, f"Removed {path}, which this migration had made on {migration.target}.")
    return True


def lost_disks(migration: Migration, target: Line) -> tuple[LostDisk, ...]:
    """The copied disks of a guest that has arrived, as far as they are not what this migration made."""
    made = [volume for volume in migration.created_volumes if volume["made"]]
    if not made:
        return ()
    details = target.ask(lambda c: c.guest_details(str(migration.guest_id)))
    found = (_lost(volume, details, target) for volume in made)
    return tuple(disk for disk in found if disk is not None)


def _lost(volume: dict[str, Any], details: GuestDetails | None, target: Line) -> LostDisk | None:
    name, path, pool = volume.get("target", ""), volume["path"], volume["pool"]

    def loss(how: Loss, at: str = path) -> LostDisk:
        return LostDisk(target=name, path=at, pool=pool, how=how)

    disk = details.live.disk(name) if details and details.live else None
    if details is not None and disk is not None and disk.path and disk.path != path:  # it was saved to another one
        if target.ask(lambda c: c.files_exist([disk.path]).get(disk.path)) is not True:
            return loss(Loss.UNKNOWN, disk.path)
        saved = details.definition.disk(name)
        return None if saved is not None and saved.path == disk.path else loss(Loss.DEFINITION, disk.path)
    now = target.ask(lambda c: (c.volume_identity(pool, volume["name"], path),))
    if now is None:
        return loss(Loss.UNKNOWN)
    made = _identity(volume)
    if now[0] is None:
        return loss(Loss.DELETED)
    return None if made is None or now[0].may_be(made) else loss(Loss.REPLACED)


def _identity(volume: dict[str, Any]) -> VolumeIdentity | None:
    stored = volume.get("identity")
    return VolumeIdentity(**stored) if stored else None
