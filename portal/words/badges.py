"""Word, colour and icon for people of teams: of a VM, of a request, and of how a migration ended."""

from __future__ import annotations

from approvals.domain.decision import ApprovalState, Ballot
from hosts.models import Sighting
from hosts.words.badges import run_badge
from kvmweb.ui.badge import Badge
from migrations_app.domain.lifecycle import IN_FLIGHT, State
from migrations_app.words.badges import STATE_BADGES
from portal.domain.health import Health
from portal.domain.states import RequestState

MIGRATING = Badge("Migrating", "blue", "arrows-right-left")

HEALTH_BADGES: dict[Health, Badge] = {
    Health.WELL: Badge("Well", "green", "circle-check"),
    Health.ATTENTION: Badge("Needs attention", "red", "alert-triangle"),
    Health.NOT_SEEN: Badge("Not seen", "grey", "question-mark"),
}

REQUEST_BADGES: dict[RequestState, Badge] = {
    RequestState.WAITING_APPROVAL: Badge("Waits for approval", "amber", "clock"),
    RequestState.WAITING_WINDOW: Badge("Waits for its time", "grey", "clock"),
    RequestState.QUEUED: Badge("Queued", "grey", "clock"),
    RequestState.MOVING: MIGRATING,
    RequestState.DONE: Badge("Done", "green", "circle-check"),
    RequestState.FAILED: Badge("Failed", "red", "circle-x"),
    RequestState.DENIED: Badge("Denied", "red", "ban"),
    RequestState.EXPIRED: Badge("Expired", "grey", "clock"),
    RequestState.WITHDRAWN: Badge("Withdrawn", "grey", "ban"),
}

APPROVAL_BADGES: dict[ApprovalState, Badge] = {
    ApprovalState.OPEN: Badge("Open", "amber", "clock"),
    ApprovalState.APPROVED: Badge("Approved", "green", "circle-check"),
    ApprovalState.DENIED: Badge("Denied", "red", "ban"),
    ApprovalState.EXPIRED: Badge("Expired", "grey", "clock"),
    ApprovalState.WITHDRAWN: Badge("No longer needed", "grey", "ban"),
}

VOTE_BADGES: dict[Ballot, Badge] = {
    Ballot.APPROVE: Badge("Approved", "green", "check"),
    Ballot.DENY: Badge("Denied", "red", "x"),
}

#: of a migration that has ended; why is for operators
ENDED_BADGES: dict[State, Badge] = {
    State.DONE: STATE_BADGES[State.DONE],
    State.FAILED: STATE_BADGES[State.FAILED],
    State.CANCELLED: STATE_BADGES[State.CANCELLED],
    State.BLOCKED: Badge("Not started", "red", "ban"),
}


def vm_badge(sighting: Sighting | None, migration: str | None) -> Badge:
    """`migration`: the state of its active one, which says more than the VM's own while it runs."""
    if migration == State.NEEDS_ATTENTION:
        return STATE_BADGES[State.NEEDS_ATTENTION]
    return MIGRATING if migration in IN_FLIGHT else run_badge(sighting)


def migration_badge(state: str) -> Badge:
    known = State(state)
    if known in ENDED_BADGES:
        return ENDED_BADGES[known]
    if known == State.NEEDS_ATTENTION:
        return STATE_BADGES[known]
    return MIGRATING if known in IN_FLIGHT else Badge("Waiting", "grey", "clock")
