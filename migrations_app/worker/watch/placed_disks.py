"""Observe: where the host has the disks that go to another place, beside what is written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hosts.facts.disk_copy import BlockJob, GuestDisks
from hosts.facts.guest import Disk, GuestDefinition, GuestLook, JobKind
from hosts.facts.storage import DiskPlace
from hosts.gateway.port import GatewayError, GuestMissing
from kvmweb.steps import StepState, Written
from migrations_app.domain.outcome.decision import At, Copying, DiskNow
from migrations_app.models import Migration
from migrations_app.models.migration import COPY_CONTENT, COPY_DISK, SWITCH_DISK
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.placed_disk import is_at


@dataclass(frozen=True, slots=True, kw_only=True)
class DisksSeen:
    """`disks` is None when the host does not answer, or does not have the guest."""

    look: GuestLook
    disks: GuestDisks | None = None


def places_of(migration: Migration) -> dict[str, DiskPlace]:
    """By target: where the volumes are that this migration made, or was about to make."""
    return {
        made["target"]: DiskPlace(path=made["path"], pool=made["pool"], volume=made["name"], format=made["format"])
        for made in migration.created_volumes
    }


def old_places(migration: Migration) -> dict[str, DiskPlace]:
    """By target: the volumes that the disks were in before."""
    return {
        disk["target"]: DiskPlace(
            path=disk["path"], pool=disk["pool"], volume=disk["volume"], format=disk["format"] or "raw"
        )
        for disk in migration.source_disks
    }


def look(migration: Migration, host: SteadyConnection) -> DisksSeen:
    targets = [disk["target"] for disk in migration.source_disks]
    try:
        seen = host.call(lambda c: c.disks.look(str(migration.guest_id), targets))
    except GuestMissing:
        return DisksSeen(look=GuestLook(answered=True))
    except GatewayError as error:
        return DisksSeen(look=GuestLook(answered=False, error=error.message))
    found = GuestLook(
        answered=True, present=True, state=seen.state, persistent=seen.saved is not None, job=JobKind.NONE
    )
    return DisksSeen(look=found, disks=seen)


def disks_now(migration: Migration, seen: GuestDisks) -> tuple[DiskNow, ...]:
    places, steps = places_of(migration), [Written.from_json(step) for step in migration.steps]
    return tuple(_now(disk, places.get(disk["target"]), seen, steps) for disk in migration.source_disks)


def _now(disk: dict[str, Any], place: DiskPlace | None, seen: GuestDisks, steps: list[Written]) -> DiskNow:
    target = disk["target"]

    def written(name: str) -> Written | None:
        return next((step for step in steps if (step.step, step.about.get("target")) == (name, target)), None)

    copied, switch, content = written(COPY_DISK), written(SWITCH_DISK), written(COPY_CONTENT)
    return DiskNow(
        target=target,
        old=disk["path"],
        new=place.path if place else "",
        running=_at(disk, place, seen.live) if seen.live else None,
        saved=_at(disk, place, seen.saved),
        copying=_copying(seen.jobs.get(target), place),
        copied=(copied is not None and copied.sure) or (content is not None and content.state is StepState.VERIFIED),
        switching=switch is not None,
        switched=switch is not None and switch.state is StepState.VERIFIED,
    )


def _at(disk: dict[str, Any], place: DiskPlace | None, definition: GuestDefinition | None) -> At:
    now = definition.disk(disk["target"]) if definition else None
    if now is None:
        return At.OTHER
    if place is not None and is_at(now, place):
        return At.NEW
    return At.OLD if _is_old(disk, now) else At.OTHER


def _is_old(disk: dict[str, Any], now: Disk) -> bool:
    by_volume = now.type == "volume" and (now.pool, now.volume) == (disk["pool"], disk["volume"])
    return by_volume or now.path == disk["path"]


def _copying(job: BlockJob | None, place: DiskPlace | None) -> Copying:
    if job is None:
        return Copying.NO
    if place is None or job.to != place.path:
        return Copying.OTHER
    return Copying.READY if job.ready else Copying.YES
