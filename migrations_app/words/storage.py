"""A storage migration: the sentences of its page, and what a cancel would do."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated
from migrations_app.domain.lifecycle import NOT_STARTED, State
from migrations_app.domain.placement import Placement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrations_app.models import Migration


def storage_headline(migration: Migration, here: str) -> str:
    """Of one that has not ended. `here`: "web-01 runs on kvm-a"."""
    name, source = isolated(migration.guest_name), str(migration.source)
    return {
        State.REQUESTED: f"{here}. The migration is waiting for a worker.",
        State.CHECKING: f"{here}. Its host is being checked; nothing was started.",
        State.QUEUED: f"{here}. The migration is queued.",
        State.STARTING: f"{here}. Its new disks are being created.",
        State.COPYING_DISKS: f"{here} while its disks are copied there.",
        State.SWITCHING_OVER: f"{name} switches over to its new disks.",
        State.VERIFYING: f"Asking {source} which disks {name} uses.",
    }.get(State(migration.state), f"kvmweb cannot tell which disks {name} uses. Check {source}.")


def storage_cancel(migration: Migration) -> tuple[bool, str]:
    """(may be cancelled, what will be true afterwards), of one that nobody has cancelled."""
    name, state = isolated(migration.guest_name), State(migration.state)
    if state in NOT_STARTED:
        return True, f"Nothing has been started yet. {name} keeps its disks."
    if state in (State.STARTING, State.COPYING_DISKS):
        return True, f"{name} keeps its old disks. The copies are deleted."
    if state is State.SWITCHING_OVER:
        return True, f"It may be too late. In that case {name} uses its new disks."
    if state is State.NEEDS_ATTENTION:
        return False, f"{name} stays locked until it is known which disks it uses."
    return False, "Too late to cancel: kvmweb is verifying the result."


def where_from(migration: Migration) -> str:
    """The pools that disks leave."""
    pools = dict.fromkeys(disk.get("pool") or "" for disk in migration.source_disks)
    return _pools([pool for pool in pools if pool]) or "its old disks"


def where_to(migration: Migration) -> str:
    """The pools that get them."""
    old = {disk["target"]: disk.get("pool") or "" for disk in migration.source_disks}
    places = migration.request.options.disks
    pools = dict.fromkeys(place.pool or old.get(target, "") for target, place in places.items())
    return _pools([pool for pool in pools if pool]) or "its new disks"


def _pools(names: Sequence[str]) -> str:
    return f"pool{'s' if len(names) > 1 else ''} {', '.join(map(isolated, names))}" if names else ""


@dataclass(frozen=True, slots=True)
class DiskWay:
    """Of one disk: a path where that is known, else what was asked for."""

    target: str
    old: str
    new: str


def disk_ways(migration: Migration) -> list[DiskWay]:
    old = {disk["target"]: disk for disk in migration.source_disks}
    made = {volume.get("target"): volume["path"] for volume in migration.created_volumes}
    return [
        DiskWay(target, old.get(target, {}).get("path", ""), made.get(target) or _wanted(place, old.get(target, {})))
        for target, place in migration.request.options.disks.items()
    ]


def _wanted(place: Placement, disk: dict[str, str]) -> str:
    name = place.name or disk.get("volume") or posixpath.basename(disk.get("path") or "")
    return ", ".join(filter(None, (f"pool {place.pool}" if place.pool else "", name, place.format)))
