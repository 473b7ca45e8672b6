"""What closing a migration by hand would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated
from migrations_app.models.taken_out import PartState

if TYPE_CHECKING:
    from migrations_app.models import Migration


def close_words(migration: Migration) -> str:
    """What will be true after somebody has closed it by hand."""
    name = isolated(migration.guest_name)
    first = f"which disks {name} uses" if migration.kind_row.same_host else f"where {name} runs"
    goes_on = " A block job may still run: QEMU copies without kvmweb." if migration.kind_row.same_host else ""
    out = [one.part.name for one in migration.taken_out if one.state in (PartState.LEAVING, PartState.OUT)]
    stays_out = f" What was taken out of it is not put back: {isolated(', '.join(out))}." if out else ""
    return (
        f"First check {first}. Closing changes nothing on the hosts: the migration ends as failed, {name} can"
        f" be migrated again, and what was created on {migration.target} stays there.{goes_on}{stays_out} After"
        " closing, kvmweb no longer checks this migration."
    )
