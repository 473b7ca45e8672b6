"""How an approval ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from approvals.domain.decision import ApprovalState
from approvals.hooks import DECIDED
from approvals.models import Approval
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def end(approval: Approval, state: ApprovalState, text: str = "") -> bool:
    """In the caller's transaction. `text`: for the journal. False: it is no longer open, or its plan is another one."""
    rows = Approval.objects.filter(pk=approval.pk, state=ApprovalState.OPEN, plan_hash=approval.plan_hash)
    if rows.update(state=state, decided_at=timezone.now()) != 1:
        return False
    approval.refresh_from_db()
    note(approval, text)
    if state is not ApprovalState.WITHDRAWN:
        for tell_them in DECIDED:
            tell_them(approval)
    return True


def note(approval: Approval, text: str, *, by: User | None = None, comment: str = "") -> None:
    """Open pages read again; with a text the journal has it."""
    if text:
        kind = EntryKind.ACTION if by else EntryKind.NOTE
        body = {"approval": approval.pk, "plan": approval.plan_hash, "state": approval.state}
        writer.write(approval.topic, kind, text, body=body, actor=by, reason=comment)
    writer.signal(writer.MIGRATIONS)
