"""What a migration waits for while a host is not reachable: since when, what happens next and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated
from migrations_app.domain.lifecycle import State

if TYPE_CHECKING:
    from migrations_app.models import Migration


@dataclass(frozen=True, slots=True)
class Waiting:
    """`until` None: a user is needed by now. `said`: (host, its connection error)."""

    who: str
    since: datetime
    until: datetime | None
    next: str
    said: tuple[tuple[str, str], ...]


def waiting(migration: Migration) -> Waiting | None:
    """None while both hosts are connected."""
    kept = migration.waiting
    if migration.terminal or not kept.get("hosts"):
        return None
    who = " and ".join(isolated(name) for name in kept["hosts"])
    until = datetime.fromisoformat(kept["until"]) if migration.state != State.NEEDS_ATTENTION else None
    are = "are" if len(kept["hosts"]) > 1 else "is"
    again = f"kvmweb tries again every 15 seconds, and judges the migration again once {who} {are} reachable."
    return Waiting(
        who=who,
        since=datetime.fromisoformat(kept["since"]),
        until=until,
        next=again if until is None else "kvmweb tries again every few seconds.",
        said=tuple(kept["hosts"].items()),
    )
