"""Approvals in the API: read them, and vote."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status
from pydantic import ConfigDict

from approvals.domain.decision import ApprovalState, Ballot
from approvals.models import Approval
from approvals.reading.approvals import counting, those_open, visible_approvals
from approvals.usecases.vote import CannotVote, PlanChanged, vote
from kvmweb.accounts.permissions import Right, may, require
from kvmweb.web.page import person
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.plain import Plain
from kvmweb.web.problems import COMMON, Problem, ProblemError

router = Router(tags=["approvals"])
State = Literal["open", "approved", "denied", "expired", "withdrawn"]
Role = Literal["lead", "operator", "admin"]


class VoteIn(Schema):
    """`plan`: the hash of the plan that you have seen."""

    model_config = ConfigDict(extra="forbid")

    vote: Literal["approve", "deny"]
    plan: Plain = Field(max_length=64)
    comment: Plain = Field("", max_length=1000)


class VoteOut(Schema):
    by: str
    vote: Literal["approve", "deny"]
    comment: str
    at: datetime


class ApprovalOut(Schema):
    """`plan` is the hash of what is to be approved, `votes` are those that count for it. `content` is the plan itself,
    null for people of teams: it names hosts."""

    id: int
    subject: str
    guest: UUID | None
    text: str
    plan: str
    content: dict[str, Any] | None
    state: State
    rule: str
    role: Role
    quorum: int
    votes: list[VoteOut]
    asked_by: str
    created_at: datetime
    expires_at: datetime | None


class Stale(Problem):
    """`plan`: the hash of the plan as it is now."""

    plan: str


@router.get("/approvals", response={200: Listed[ApprovalOut], **COMMON}, summary="List approvals, newest first")
def list_approvals(request: HttpRequest, page: Query[Page], open: bool | None = None) -> object:
    """`open`: only the open ones, or only the others. People of teams get those of requests for their VMs."""
    require(request.user, Right.ENTER)
    rows = visible_approvals(request.user)
    if open is not None:
        rows = those_open(rows, are=open)
    items, following = paged(rows, page, newest_first=True)
    return {"items": [_out(request, one) for one in items], "next": following}


@router.get("/approvals/{approval_id}", response={200: ApprovalOut, **COMMON}, summary="Get an approval")
def get_approval(request: HttpRequest, approval_id: int) -> object:
    return _out(request, _approval(request, approval_id))


@router.post(
    "/approvals/{approval_id}/votes",
    response={201: ApprovalOut, **COMMON, 409: Stale},
    summary="Vote on an approval",
)
def create_vote(request: HttpRequest, approval_id: int, payload: VoteIn) -> object:
    """One deny ends it. 403: you have asked for it yourself, or others decide. 409: you have voted, it is closed, or
    the plan has changed: look at it again, then vote for `plan`."""
    approval = _approval(request, approval_id)
    try:
        vote(approval, Ballot(payload.vote), by=person(request), plan=payload.plan, comment=payload.comment)
    except PlanChanged as changed:
        raise ProblemError(409, str(changed), plan=changed.plan) from None
    except CannotVote as cannot:
        now = _approval(request, approval_id)
        raise ProblemError(409, str(cannot), plan=now.plan_hash) from None
    return Status(201, _out(request, _approval(request, approval_id)))


def _approval(request: HttpRequest, approval_id: int) -> Approval:
    require(request.user, Right.ENTER)
    found: Approval = get_object_or_404(visible_approvals(request.user), pk=approval_id)
    return found


def _out(request: HttpRequest, row: Approval) -> dict[str, Any]:
    votes = [{"by": one.by_name, "vote": one.vote, "comment": one.comment, "at": one.at} for one in counting(row)]
    return {
        "id": row.pk,
        "subject": row.subject,
        "guest": row.guest_id,
        "text": row.text,
        "plan": row.plan_hash,
        "content": row.plan if may(request.user, Right.SEE, row) else None,
        "state": ApprovalState(row.state_now),
        "rule": row.rule,
        "role": row.role,
        "quorum": row.quorum,
        "votes": votes,
        "asked_by": row.asked_by_name,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
    }
