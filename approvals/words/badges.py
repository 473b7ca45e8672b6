"""Word, colour and icon of an approval's state and of a vote."""

from __future__ import annotations

from approvals.domain.decision import ApprovalState, Ballot
from kvmweb.ui.badge import Badge

STATE_BADGES: dict[ApprovalState, Badge] = {
    ApprovalState.OPEN: Badge("Open", "blue", "clock"),
    ApprovalState.APPROVED: Badge("Approved", "green", "circle-check"),
    ApprovalState.DENIED: Badge("Denied", "red", "ban"),
    ApprovalState.EXPIRED: Badge("Expired", "grey", "clock"),
    ApprovalState.WITHDRAWN: Badge("No longer wanted", "grey", "ban"),
}
VOTE_BADGES: dict[Ballot, Badge] = {
    Ballot.APPROVE: Badge("Approves", "green", "circle-check"),
    Ballot.DENY: Badge("Denies", "red", "ban"),
}
