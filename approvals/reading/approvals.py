"""What stands of the approvals of a subject, and which a user sees and may decide."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from approvals.domain.decision import ApprovalState
from approvals.domain.subject import REQUEST
from approvals.models import Approval, Vote
from kvmweb.accounts.models import Ownership
from kvmweb.accounts.permissions import Right, groups_of, may, of_groups, roles_decided, teams_of
from kvmweb.accounts.roles import Role

#: which counts more when the rules of a subject have different answers
_ORDER = (
    ApprovalState.DENIED, ApprovalState.EXPIRED, ApprovalState.WITHDRAWN, ApprovalState.OPEN, ApprovalState.APPROVED,
)  # fmt: skip


def standing(subject: str) -> ApprovalState | None:
    """None: nothing was asked. Each rule counts as it was asked last; one denial, expiry or withdrawal counts more than
    what is open, and that more than an approval."""
    last: dict[str, ApprovalState] = {}
    for row in Approval.objects.filter(subject=subject).order_by("id"):
        last[row.rule] = row.state_now
    return min(last.values(), key=_ORDER.index, default=None)


def visible_approvals(user: Any) -> QuerySet[Approval]:
    """People of teams see those of their VMs' requests; what admins approve among themselves is about hosts, and for
    those who see these."""
    rows: QuerySet[Approval] = Approval.objects.visible_to(user).prefetch_related(
        Prefetch("votes", Vote.objects.order_by("id"))
    )
    if may(user, Right.SEE_EVERYTHING):
        return rows
    return rows.filter(Q(subject__startswith=REQUEST) | Q(pk__in=of_groups(Approval.objects.all(), groups_of(user))))


def those_open(rows: QuerySet[Approval], *, are: bool = True) -> QuerySet[Approval]:
    """Only the open ones, or only the others. An expiry that nobody has written down yet counts."""
    is_open = Q(state=ApprovalState.OPEN) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
    return rows.filter(is_open) if are else rows.exclude(is_open)


def waiting_for(user: Any) -> QuerySet[Approval]:
    """The open ones on which this user may vote and has not."""
    led = Ownership.objects.filter(team__in=teams_of(user, {Role.LEAD})).values("guest")
    mine = Q(role__in=roles_decided(user)) | Q(role=Role.LEAD, guest__in=led)
    voted = Vote.objects.filter(approval=OuterRef("pk"), by=user.pk, plan_hash=OuterRef("plan_hash"))
    others = Q(asked_by=None) | ~Q(asked_by=user.pk)
    return those_open(visible_approvals(user)).filter(mine, others).exclude(Exists(voted))


def counting(approval: Approval) -> list[Vote]:
    """The votes for the plan as it is now."""
    return [vote for vote in approval.votes.all() if vote.plan_hash == approval.plan_hash]
