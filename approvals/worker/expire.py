"""Approvals that nobody decided in time: expiry means no."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from approvals import ledger
from approvals.domain.decision import ApprovalState
from approvals.models import Approval


def tick() -> None:
    """The watcher's hook. Each one in a transaction of its own."""
    for row in Approval.objects.filter(state=ApprovalState.OPEN, expires_at__lte=timezone.now()).order_by("id"):
        with transaction.atomic():
            locked = Approval.objects.select_for_update().get(pk=row.pk)
            if locked.state_now is ApprovalState.EXPIRED:
                ledger.end(locked, ApprovalState.EXPIRED, "Nobody approved it in time, so it is not approved.")
