"""What stays at the source when the disks of a guest were copied: its rollback copies."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from hosts.facts.storage import VolumeIdentity
from migrations_app.models import RollbackCopy, Verification
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection


def kept_copies(
    held: Held, source: SteadyConnection, *, verification: Verification = Verification.MIRROR
) -> list[RollbackCopy]:
    """Rows for `ledger.keep_copies`, one for each disk of `source_disks`; not stored yet. Only for a migration that
    is about to end in `done`: asks the source what the disks are now."""
    row, now = held.row, timezone.now()
    return [
        RollbackCopy(
            migration=row,
            host=row.source,
            guest_name=row.name_there(row.guest_name),
            disk=disk["target"],
            pool=disk["pool"],
            volume=disk["volume"],
            path=disk["path"],
            format=disk["format"],
            size=disk["size"],
            allocated=disk["allocated"],
            identity=_identity(disk, source),
            verification=verification,
            created_at=now,
            state_since=now,
        )
        for disk in row.source_disks
        if disk["path"]
    ]


def _identity(disk: dict[str, Any], source: SteadyConnection) -> dict[str, Any]:
    if not disk["pool"]:
        return {}
    found: VolumeIdentity | None = source.ask(lambda c: c.volume_identity(disk["pool"], disk["volume"], disk["path"]))
    return found.as_json() if found else {}
