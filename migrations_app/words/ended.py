"""How a migration ended, in one line: for the drawer, and for the notice on whatever page is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated
from migrations_app.domain.lifecycle import State

if TYPE_CHECKING:
    from migrations_app.models import Migration


def ended_line(migration: Migration) -> str:
    name = isolated(migration.guest_name)
    what = f"The storage of {name} migrated within" if migration.kind_row.same_host else f"{name} migrated to"
    ways = {
        State.DONE: f"{what} {migration.target}.",
        State.CANCELLED: f"The migration of {name} was cancelled.",
        State.BLOCKED: f"The migration of {name} was blocked by the preflight check.",
    }
    return ways.get(State(migration.state), f"The migration of {name} failed.")
