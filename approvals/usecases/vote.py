"""Somebody votes: the vote counts for the plan that they saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from approvals import ledger
from approvals.domain.decision import ApprovalState, Ballot, decide
from approvals.models import Approval, Vote
from approvals.words.asking import deciders
from kvmweb.accounts.models import Ownership
from kvmweb.accounts.permissions import Denied, may_decide
from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_DID = {Ballot.APPROVE: "approved it", Ballot.DENY: "denied it"}
_CLOSED = {
    ApprovalState.APPROVED: "It is approved already.",
    ApprovalState.DENIED: "It was denied already.",
    ApprovalState.EXPIRED: "It has expired: nobody decided in time.",
    ApprovalState.WITHDRAWN: "It is no longer wanted.",
}


class CannotVote(Exception):
    """It is closed, or this person has voted."""


class PlanChanged(CannotVote):
    """The voter has seen another plan: `plan` is the hash of the one that is asked about now."""

    def __init__(self, plan: str) -> None:
        super().__init__("The plan has changed since you looked at it. Look at it again, then vote.")
        self.plan = plan


def vote(approval: Approval, ballot: Ballot, *, by: User, plan: str, comment: str = "") -> Approval:
    """Raises PermissionDenied, CannotVote, PlanChanged."""
    if why_not := refusal(approval, by):
        raise Denied(why_not, shown=True)
    with transaction.atomic():
        row: Approval = Approval.objects.select_for_update().get(pk=approval.pk)
        if row.state_now is not ApprovalState.OPEN:
            raise CannotVote(_CLOSED[row.state_now])
        if Vote.objects.filter(approval=row, by=by, plan_hash=row.plan_hash).exists():
            raise CannotVote("You have voted already.")
        if plan != row.plan_hash:
            raise PlanChanged(row.plan_hash)
        name = by.get_username()
        Vote.objects.create(
            approval=row, by=by, by_name=name, vote=ballot, comment=comment.strip(), plan_hash=row.plan_hash
        )
        ledger.note(row, f"{isolated(name)} {_DID[ballot]}.", by=by, comment=comment.strip())
        counting = Vote.objects.filter(approval=row, plan_hash=row.plan_hash).values_list("vote", flat=True)
        state = decide(counting, quorum=row.quorum, expires_at=row.expires_at, now=timezone.now())
        if state is not ApprovalState.OPEN:
            ledger.end(row, state)
    return row


def refusal(approval: Approval, user: User) -> str:
    """Why this person may not vote on it, "" if they may."""
    if approval.asked_by_id == user.pk:
        return "You asked for it yourself, so others decide."
    owned = Ownership.objects.filter(guest=approval.guest_id) if approval.guest_id else Ownership.objects.none()
    team = owned.values_list("team", flat=True).first()
    if not may_decide(user, approval.role, team=team):
        return f"It needs the approval of {deciders(approval.role, approval.quorum)}."
    return ""
