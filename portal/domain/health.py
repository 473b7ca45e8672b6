"""How a VM is, in one word for its team. Pure."""

from __future__ import annotations

from enum import StrEnum

from hosts.facts.guest import RunState
from migrations_app.domain.lifecycle import State


class Health(StrEnum):
    WELL = "well"
    ATTENTION = "attention"
    NOT_SEEN = "not_seen"


#: libvirt's reasons for which a VM is paused or off without anybody having asked for it
_TROUBLE = frozenset({"I/O error", "watchdog", "crashed", "failed", "post-copy failed", "API error"})


def health(*, state: str | None, reason: str = "", fresh: bool = True, migration: str | None = None) -> Health:
    """`state`: as a host reported it, None when no host has it. `fresh`: that host is connected. `migration`: the state
    of its active migration."""
    if migration in (State.NEEDS_ATTENTION, State.POST_COPY_FAILED):
        return Health.ATTENTION
    if state is None or not fresh or state == RunState.NOSTATE:
        return Health.NOT_SEEN
    return Health.ATTENTION if state == RunState.CRASHED or reason in _TROUBLE else Health.WELL
