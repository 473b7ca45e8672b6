"""Word, colour and icon: of a migration's state, of a finding's severity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.ui.badge import Badge
from migrations_app.domain.lifecycle import State

if TYPE_CHECKING:
    from migrations_app.models import Migration

STATE_BADGES: dict[State, Badge] = {
    State.REQUESTED: Badge("Requested", "blue", "clock"),
    State.CHECKING: Badge("Checking", "blue", "list-details"),
    State.BLOCKED: Badge("Blocked", "red", "ban"),
    State.QUEUED: Badge("Queued", "grey", "clock"),
    State.STARTING: Badge("Starting", "blue", "player-play"),
    State.SHUTTING_DOWN: Badge("Shutting down", "amber", "power"),
    State.COPYING_DISKS: Badge("Copying disks", "blue", "database"),
    State.COPYING_MEMORY: Badge("Copying memory", "blue", "arrows-right-left"),
    State.SWITCHING_OVER: Badge("Switching over", "blue", "arrows-right-left"),
    State.POST_COPY: Badge("Post-copy", "amber", "arrows-right-left"),
    State.POST_COPY_FAILED: Badge("Post-copy failed", "red", "alert-triangle"),
    State.ARRIVING: Badge("Arriving", "blue", "arrow-right"),
    State.VERIFYING: Badge("Verifying", "blue", "eye"),
    State.DONE: Badge("Done", "green", "circle-check"),
    State.FAILED: Badge("Failed", "red", "circle-x"),
    State.CANCELLED: Badge("Cancelled", "grey", "ban"),
    State.NEEDS_ATTENTION: Badge("Needs attention", "red", "alert-triangle"),
}

SEVERITY_BADGES: dict[str, Badge] = {
    "blocker": Badge("Blocker", "red", "ban"),
    "unknown": Badge("Unknown", "grey", "question-mark"),
    "warning": Badge("Warning", "amber", "alert-triangle"),
    "info": Badge("Note", "blue", "info-circle"),
    "passed": Badge("Passed", "green", "circle-check"),
    "failed": Badge("Failed", "red", "circle-x"),
}


def badge(migration: Migration) -> Badge:
    """How the state it is in is shown."""
    return STATE_BADGES[State(migration.state)]
