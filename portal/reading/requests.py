"""Requests of teams, as their people read them, and with what operators read beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from approvals.domain.decision import ApprovalState
from approvals.models import Approval
from hosts.models import Guest
from hosts.reading.veil import host_names
from kvmweb.accounts.permissions import Right, may, of_teams
from kvmweb.journal import writer
from portal.domain.states import TERMINAL
from portal.models import Request

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: of a forecast, what names nothing
_FORESEEN = ("low_ms", "high_ms", "downtime_low_ms", "downtime_high_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """`plan` and `choice` are for those who see hosts; None for people of teams. `approval`: the one that is open, or
    else the newest; None when nobody had to approve."""

    id: int
    guest: UUID
    guest_name: str
    team: int | None
    wish: str
    value: str
    not_before: datetime | None
    not_after: datetime | None
    reason: str
    by: str
    created_at: datetime
    state: str
    state_since: datetime
    text: str
    forecast: dict[str, Any] | None
    approval: int | None
    migration: int | None
    plan: dict[str, Any] | None
    choice: list[dict[str, Any]] | None


def visible_requests(user: Any, *, is_open: bool | None = None) -> QuerySet[Request]:
    rows: QuerySet[Request] = Request.objects.visible_to(user)
    if is_open is not None:
        rows = rows.exclude(state__in=TERMINAL) if is_open else rows.filter(state__in=TERMINAL)
    return rows


def own_guest(user: Any, uuid: UUID) -> Guest | None:
    """A VM of the user's teams, with its sightings and hosts ready."""
    rows = of_teams(Guest.objects.prefetch_related("sightings__host__group"), user)
    found: Guest | None = rows.filter(pk=uuid).first()
    return found


def views(requests: Sequence[Request], user: Any) -> list[RequestView]:
    """Two queries, however many requests; for roles of groups one more for each. Hosts of other groups are left out."""
    approvals, names = _approvals(requests), dict[int, str]()
    if may(user, Right.SEE):
        names = host_names(user)
    found = [_view(row, approvals.get(row.pk), names if may(user, Right.SEE, row) else None) for row in requests]
    if may(user, Right.SEE_EVERYTHING):
        return found
    shown = set(names.values())
    return [replace(one, choice=one.choice and [host for host in one.choice if host["host"] in shown]) for one in found]


def _view(row: Request, approval: int | None, names: dict[int, str] | None) -> RequestView:
    plan: dict[str, Any] | None = None
    if names is not None and row.plan:
        plan = {**row.plan, **{side: names.get(row.plan[side], "") for side in ("source", "target")}}
    return RequestView(
        id=row.pk,
        guest=row.guest_id,
        guest_name=row.guest_name,
        team=row.team_id,
        wish=row.wish,
        value=row.value,
        not_before=row.not_before,
        not_after=row.not_after,
        reason=row.reason,
        by=row.asked_by_name,
        created_at=row.asked_at,
        state=row.state,
        state_since=row.state_since,
        text=row.text,
        forecast={name: row.forecast.get(name) for name in _FORESEEN} if row.forecast else None,
        approval=approval,
        migration=row.migration_id,
        plan=plan,
        choice=row.choice if names is not None else None,
    )


def _approvals(requests: Sequence[Request]) -> dict[int, int]:
    subjects = {writer.request_topic(row.pk): row.pk for row in requests}
    found: dict[int, int] = {}
    rows = Approval.objects.filter(subject__in=subjects).order_by("pk").values_list("pk", "subject", "state")
    for pk, subject, _ in sorted(rows, key=lambda row: row[2] == ApprovalState.OPEN):
        found[subjects[subject]] = pk
    return found
