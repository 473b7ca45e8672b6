"""Word, colour and icon of a VM's state, a host's contact, a pool and a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosts.facts.guest import RunState
from hosts.models import Host
from kvmweb.ui.badge import Badge

if TYPE_CHECKING:
    from hosts.models import Bridge, Network, Sighting, StoragePool

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
#: on the destination before it runs there; or on the source, for the last pages or after a failed migration
PAUSED_BY_MIGRATION = Badge("Paused (migrating)", "amber", "player-pause")
NOWHERE = Badge("Not seen", "grey", "question-mark")
GONE = Badge("Gone", "grey", "circle-x")

CONTACT_BADGES: dict[str, Badge] = {
    Host.Contact.NEVER: Badge("Not contacted yet", "grey", "clock"),
    Host.Contact.CONFIRM: Badge("Host key to confirm", "amber", "key"),
    Host.Contact.ANSWERS: Badge("Connected", "green", "plug-connected"),
    Host.Contact.AWAY: Badge("Not reachable", "red", "plug-connected-x"),
    Host.Contact.DENIED: Badge("Login refused", "red", "lock"),
    Host.Contact.REFUSED: Badge("Refused", "red", "ban"),
}


def run_badge(sighting: Sighting | None) -> Badge:
    """The last known state, in grey, when its host is not connected."""
    if sighting is None:
        return GONE
    badge = PAUSED_BY_MIGRATION if sighting.in_migration else RUN_BADGES.get(sighting.state, NOWHERE)
    if sighting.stale_since is not None:
        return Badge(f"Was {badge.label.lower()}", "grey", "clock")
    return badge


def place_badge(place: StoragePool | Network | Bridge) -> Badge:
    """Active, inactive, gone from its host, or its last known state when the host is not connected."""
    if place.gone_since is not None:
        return Badge("Gone", "grey", "circle-x")
    if not place.host.answers:
        return Badge("Was active" if place.active else "Was inactive", "grey", "clock")
    if place.active:
        return Badge("Active", "green", "circle-check")
    return Badge("Inactive", "amber", "circle-dashed")
