"""Word, colour and icon of what is seen: a VM's state, a host's contact, a finding's severity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosts.facts.guest import RunState
from hosts.models import Host
from migrations_app.domain.lifecycle import Badge

if TYPE_CHECKING:
    from hosts.models import Sighting

RUN_BADGES: dict[str, Badge] = {
    RunState.RUNNING: Badge("Running", "green", "player-play"),
    RunState.BLOCKED: Badge("Idle", "green", "player-play"),
    RunState.PAUSED: Badge("Paused", "amber", "player-pause"),
    RunState.SHUTDOWN: Badge("Shutting down", "amber", "player-stop"),
    RunState.SHUTOFF: Badge("Shut off", "grey", "player-stop"),
    RunState.CRASHED: Badge("Crashed", "red", "alert-triangle"),
    RunState.PMSUSPENDED: Badge("Suspended", "amber", "zzz"),
    RunState.NOSTATE: Badge("Unknown", "grey", "question-mark"),
}

#: a copy at the destination that does not run yet; or at the source, for the last pages or because a move broke there
HALF_MOVED = Badge("Paused for a move", "amber", "player-pause")
NOWHERE = Badge("Not seen", "grey", "question-mark")

CONTACT_BADGES: dict[str, Badge] = {
    Host.Contact.NEVER: Badge("Not contacted yet", "grey", "clock"),
    Host.Contact.CONFIRM: Badge("Host key to confirm", "amber", "key"),
    Host.Contact.ANSWERS: Badge("Answers", "green", "plug-connected"),
    Host.Contact.AWAY: Badge("Does not answer", "red", "plug-connected-x"),
    Host.Contact.DENIED: Badge("Login refused", "red", "lock"),
    Host.Contact.REFUSED: Badge("Refused", "red", "ban"),
}

SEVERITY_BADGES: dict[str, Badge] = {
    "blocker": Badge("Blocker", "red", "ban"),
    "unknown": Badge("Unknown", "grey", "question-mark"),
    "warning": Badge("Warning", "amber", "alert-triangle"),
    "info": Badge("Note", "blue", "info-circle"),
    "passed": Badge("Passed", "green", "circle-check"),
}


def run_badge(sighting: Sighting | None) -> Badge:
    """A state we cannot see now is shown grey, as what it was."""
    if sighting is None:
        return NOWHERE
    badge = HALF_MOVED if sighting.in_migration else RUN_BADGES.get(sighting.state, NOWHERE)
    if sighting.stale_since is not None:
        return Badge(f"Was {badge.label.lower()}", "grey", "clock")
    return badge
