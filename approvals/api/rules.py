"""Approval rules and four eyes in the API, for admins."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast
from urllib.parse import quote
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status
from pydantic import ConfigDict

from approvals.models import Rule
from approvals.reading.rules import four_eyes, rules
from approvals.usecases.four_eyes import set_four_eyes
from approvals.usecases.rules import (
    LONGEST_NAME,
    MOST_DOWNTIME_MS,
    MOST_HOURS,
    MOST_QUORUM,
    RuleFields,
    RuleRefused,
    change_rule,
    make_rule,
    remove_rule,
)
from kvmweb.accounts.permissions import Right, require
from kvmweb.web.page import person
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.plain import Plain
from kvmweb.web.problems import COMMON, located

router = Router(tags=["approvals"])
Name = Annotated[Plain, Field(min_length=1, max_length=LONGEST_NAME)]
Team = Annotated[int, Field(ge=0, le=2**63 - 1)]
Kind = Annotated[Plain, Field(max_length=20)]
Hours = Annotated[Plain, Field(max_length=11)]
Zone = Annotated[Plain, Field(min_length=1, max_length=64)]
Downtime = Annotated[int, Field(ge=0, le=MOST_DOWNTIME_MS)]
Approver = Literal["lead", "operator", "admin"]
Quorum = Annotated[int, Field(ge=1, le=MOST_QUORUM)]
ExpiresHours = Annotated[int, Field(ge=1, le=MOST_HOURS)]
Reason = Annotated[Plain, Field(max_length=1000)]


class RuleIn(Schema):
    """All conditions that are set must hold; null and "" mean any. `hours` are like 08:00-18:00 in `time_zone`;
    `downtime_ms` is a forecast downtime of at least this."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    team: Team | None = None
    guest: UUID | None = None
    kind: Kind = ""
    hours: Hours = ""
    time_zone: Zone = "UTC"
    downtime_ms: Downtime | None = None
    role: Approver
    quorum: Quorum = 1
    expires_hours: ExpiresHours = 72
    reason: Reason = ""


class RuleChangesIn(Schema):
    """What is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    team: Team | None = None
    guest: UUID | None = None
    kind: Kind | None = None
    hours: Hours | None = None
    time_zone: Zone | None = None
    downtime_ms: Downtime | None = None
    role: Approver | None = None
    quorum: Quorum | None = None
    expires_hours: ExpiresHours | None = None
    reason: Reason = ""


class RuleOut(Schema):
    name: str
    team: int | None
    guest: UUID | None
    kind: str
    hours: str
    time_zone: str
    downtime_ms: int | None
    role: Approver
    quorum: int
    expires_hours: int


class FourEyesIn(Schema):
    """`unsafe`: an unsafe migration waits until another admin approves it; `closing`: so does closing by hand."""

    model_config = ConfigDict(extra="forbid")

    unsafe: bool
    closing: bool
    reason: Reason = ""


class FourEyesOut(Schema):
    unsafe: bool
    closing: bool


@router.get("/approval-rules", response={200: Listed[RuleOut], **COMMON}, summary="List the approval rules")
def list_rules(request: HttpRequest, page: Query[Page]) -> object:
    require(request.user, Right.MANAGE_APPROVALS)
    items, following = paged(rules(), page)
    return {"items": [_out(one) for one in items], "next": following}


@router.post(
    "/approval-rules",
    response={201: RuleOut, **COMMON},
    summary="Make an approval rule",
    openapi_extra=located(201),
)
def create_rule(request: HttpRequest, payload: RuleIn, response: HttpResponse) -> object:
    """It counts for what is asked from now on."""
    fields = cast("RuleFields", payload.dict(exclude={"reason"}))
    made = make_rule(fields, by=person(request), reason=payload.reason)
    response["Location"] = f"/api/v1/approval-rules/{quote(made.name, safe='')}"
    return Status(201, _out(made))


@router.patch("/approval-rules/{name}", response={200: RuleOut, **COMMON}, summary="Change an approval rule")
def patch_rule(request: HttpRequest, name: Name, payload: RuleChangesIn) -> object:
    """`team`, `guest` and `downtime_ms` take null for any."""
    rule = _rule(request, name)
    given = payload.dict(exclude={"reason"}, exclude_unset=True)
    cleared = {"team", "guest", "downtime_ms"}
    for field in [one for one, value in given.items() if value is None and one not in cleared]:
        raise RuleRefused(field, "This cannot be null.")
    try:
        return _out(change_rule(rule, cast("RuleFields", given), by=person(request), reason=payload.reason))
    except Rule.DoesNotExist:
        raise Http404 from None


@router.delete("/approval-rules/{name}", response={204: None, **COMMON}, summary="Remove an approval rule")
def delete_rule(request: HttpRequest, name: Name) -> object:
    """What it has asked for stays asked."""
    remove_rule(_rule(request, name), by=person(request))
    return Status(204, None)


@router.get("/four-eyes", response={200: FourEyesOut, **COMMON}, summary="Get what needs a second admin")
def get_four_eyes(request: HttpRequest) -> object:
    require(request.user, Right.MANAGE_APPROVALS)
    return four_eyes()


@router.put("/four-eyes", response={200: FourEyesOut, **COMMON}, summary="Set what needs a second admin")
def put_four_eyes(request: HttpRequest, payload: FourEyesIn) -> object:
    return set_four_eyes(unsafe=payload.unsafe, closing=payload.closing, by=person(request), reason=payload.reason)


def _rule(request: HttpRequest, name: str) -> Rule:
    require(request.user, Right.MANAGE_APPROVALS)
    found: Rule = get_object_or_404(rules(), name=name)
    return found


def _out(rule: Rule) -> dict[str, Any]:
    names = ("name", "kind", "hours", "time_zone", "downtime_ms", "role", "quorum", "expires_hours")
    return {name: getattr(rule, name) for name in names} | {"team": rule.team_id, "guest": rule.guest_id}
