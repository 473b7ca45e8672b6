"""Word, colour and icon of what is seen: a VM's state, a host's contact, a finding's severity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosts.facts.guest import RunState
from hosts.models import Host
from migrations_app.domain.lifecycle import Look

if TYPE_CHECKING:
    from hosts.models import Sighting

RUN_LOOKS: dict[str, Look] = {
    RunState.RUNNING: Look("Running", "green", "player-play"),
    RunState.BLOCKED: Look("Idle", "green", "player-play"),
    RunState.PAUSED: Look("Paused", "amber", "player-pause"),
    RunState.SHUTDOWN: Look("Shutting down", "amber", "player-stop"),
    RunState.SHUTOFF: Look("Shut off", "grey", "player-stop"),
    RunState.CRASHED: Look("Crashed", "red", "alert-triangle"),
    RunState.PMSUSPENDED: Look("Suspended", "amber", "zzz"),
    RunState.NOSTATE: Look("Unknown", "grey", "question-mark"),
}

#: a copy at the destination that does not run yet; or at the source, for the last pages or because a move broke there
HALF_MOVED = Look("Paused for a move", "amber", "player-pause")
NOWHERE = Look("Not seen", "grey", "question-mark")

CONTACT_LOOKS: dict[str, Look] = {
    Host.Contact.NEVER: Look("Not contacted yet", "grey", "clock"),
    Host.Contact.CONFIRM: Look("Host key to confirm", "amber", "key"),
    Host.Contact.ANSWERS: Look("Answers", "green", "plug-connected"),
    Host.Contact.AWAY: Look("Does not answer", "red", "plug-connected-x"),
    Host.Contact.DENIED: Look("Login refused", "red", "lock"),
    Host.Contact.REFUSED: Look("Refused", "red", "ban"),
}

SEVERITY_LOOKS: dict[str, Look] = {
    "blocker": Look("Blocker", "red", "ban"),
    "unknown": Look("Unknown", "grey", "question-mark"),
    "warning": Look("Warning", "amber", "alert-triangle"),
    "info": Look("Note", "blue", "info-circle"),
    "passed": Look("Passed", "green", "circle-check"),
}


def run_look(sighting: Sighting | None) -> Look:
    """A state we cannot see now is shown grey, as what it was."""
    if sighting is None:
        return NOWHERE
    look = HALF_MOVED if sighting.in_migration else RUN_LOOKS.get(sighting.state, NOWHERE)
    if sighting.stale_since is not None:
        return Look(f"Was {look.label.lower()}", "grey", "clock")
    return look
