"""Decide: whether the disks that were copied are still what this migration made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hosts.facts.guest import GuestDetails
from hosts.facts.storage import VolumeIdentity
from migrations_app.domain.outcome.decision import Loss, LostDisk
from migrations_app.models import Migration
from migrations_app.worker.steady_connection import SteadyConnection


def lost_disks(migration: Migration, target: SteadyConnection) -> tuple[LostDisk, ...]:
    """The copied disks of a guest that has arrived, as far as they are not what this migration made."""
    made = [volume for volume in migration.created_volumes if volume["made"]]
    if not made:
        return ()
    details = target.ask(lambda c: c.guest_details(str(migration.guest_id)))
    found = (_lost(volume, details, target) for volume in made)
    return tuple(disk for disk in found if disk is not None)


def _lost(volume: dict[str, Any], details: GuestDetails | None, target: SteadyConnection) -> LostDisk | None:
    name, path, pool = volume.get("target", ""), volume["path"], volume["pool"]

    def loss(how: Loss, at: str = path) -> LostDisk:
        return LostDisk(target=name, path=at, pool=pool, how=how)

    disk = details.live.disk(name) if details and details.live else None
    if details is not None and disk is not None and disk.path and disk.path != path:  # it was saved to another one
        if target.ask(lambda c: c.files_exist([disk.path]).get(disk.path)) is not True:
            return loss(Loss.UNKNOWN, disk.path)
        saved = details.definition.disk(name)
        return None if saved is not None and saved.path == disk.path else loss(Loss.DEFINITION, disk.path)
    answer = target.ask(lambda c: (c.volume_identity(pool, volume["name"], path),))
    if answer is None:
        return loss(Loss.UNKNOWN)
    made, (now,) = _identity(volume), answer
    if now is None:
        return loss(Loss.DELETED)
    if made is None:
        return None
    if not now.may_be(made):
        return loss(Loss.REPLACED)
    if made.file_system and not now.file:
        now = replace(now, file_system=target.ask(lambda c: c.disks.file_system(pool)))
    return None if now.may_be_there(made) else loss(Loss.UNKNOWN)


def _identity(volume: dict[str, Any]) -> VolumeIdentity | None:
    stored = volume.get("identity")
    return VolumeIdentity(**stored) if stored else None
