"""What people in teams read."""

from __future__ import annotations

from kvmweb.ui.badge import Badge
from migrations_app.domain.lifecycle import IN_FLIGHT, State
from migrations_app.words.badges import STATE_BADGES

_MIGRATING = Badge("Migrating", "blue", "arrows-right-left")


def migration_badge(state: str | None) -> Badge | None:
    """Of a VM by the state of its active migration; None while the VM's own state says more."""
    if state == State.NEEDS_ATTENTION:
        return STATE_BADGES[State.NEEDS_ATTENTION]
    return _MIGRATING if state in IN_FLIGHT else None
