"""What stands of the approvals of a subject, and which a user sees."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from approvals.domain.decision import ApprovalState
from approvals.models import Approval
from approvals.words.subjects import REQUEST
from kvmweb.accounts.permissions import Right, may

#: which counts more when the rules of a subject have different answers
_ORDER = (
    ApprovalState.DENIED, ApprovalState.EXPIRED, ApprovalState.WITHDRAWN, ApprovalState.OPEN, ApprovalState.APPROVED,
)  # fmt: skip


def standing(subject: str) -> ApprovalState | None:
    """None: nothing was asked. Each rule counts as it was asked last; one denial, expiry or withdrawal counts more than
    what is open, and that more than an approval."""
    last: dict[str, ApprovalState] = {}
    for row in Approval.objects.filter(subject=subject).order_by("id"):
        last[row.rule] = state_now(row)
    return min(last.values(), key=_ORDER.index, default=None)


def state_now(approval: Approval) -> ApprovalState:
    """An expiry that nobody has written down yet counts."""
    state = ApprovalState(approval.state)
    due = approval.expires_at is not None and approval.expires_at <= timezone.now()
    return ApprovalState.EXPIRED if state is ApprovalState.OPEN and due else state


def visible_approvals(user: Any) -> QuerySet[Approval]:
    """People of teams see those of their VMs' requests; what admins approve among themselves is about hosts."""
    rows: QuerySet[Approval] = Approval.objects.all().visible_to(user)
    return rows if may(user, Right.SEE) else rows.filter(subject__startswith=REQUEST)
