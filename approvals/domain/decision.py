"""How votes decide. Pure; time comes in as a value."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum


class ApprovalState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    # What was to be approved is no longer wanted.
    WITHDRAWN = "withdrawn"


class Ballot(StrEnum):
    APPROVE = "approve"
    DENY = "deny"


def decide(votes: Iterable[str], *, quorum: int, expires_at: datetime | None, now: datetime) -> ApprovalState:
    """One deny ends it; expiry means no."""
    given = list(votes)
    if Ballot.DENY in given:
        return ApprovalState.DENIED
    if given.count(Ballot.APPROVE) >= quorum:
        return ApprovalState.APPROVED
    if expires_at is not None and now >= expires_at:
        return ApprovalState.EXPIRED
    return ApprovalState.OPEN
