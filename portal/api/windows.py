"""Windows and blackouts in the API: admins change them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast
from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Query, Router, Schema, Status
from pydantic import AwareDatetime, ConfigDict

from kvmweb.accounts.permissions import Right, require
from kvmweb.web.page import person
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.plain import Plain
from kvmweb.web.problems import COMMON, located
from portal.domain.windows import LONGEST_MINUTES
from portal.models import Blackout, Window
from portal.reading.windows import blackouts, window_view, windows
from portal.usecases.windows import (
    LONGEST_NAME,
    LONGEST_RULE,
    WindowFields,
    change_window,
    make_blackout,
    make_window,
    remove_blackout,
    remove_window,
)

router = Router(tags=["portal"])
Name = Annotated[Plain, Field(min_length=1, max_length=LONGEST_NAME)]
Team = Annotated[int, Field(ge=0, le=2**63 - 1)]
Rule = Annotated[Plain, Field(min_length=1, max_length=LONGEST_RULE)]
Zone = Annotated[Plain, Field(min_length=1, max_length=64)]
Minutes = Annotated[int, Field(ge=1, le=LONGEST_MINUTES)]
Reason = Annotated[Plain, Field(max_length=1000)]


class WindowIn(Schema):
    """`rule`: an RRULE (RFC 5545) such as FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=1;BYMINUTE=0, in `time_zone`; see
    docs/windows.md. `team`: a number, null for all teams."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    team: Team | None = None
    rule: Rule
    time_zone: Zone = "UTC"
    minutes: Minutes
    reason: Reason = ""


class WindowChangesIn(Schema):
    """What is left out stays; only `team` can be null."""

    model_config = ConfigDict(extra="forbid")

    name: Name = ""
    team: Team | None = None
    rule: Rule = ""
    time_zone: Zone = ""
    minutes: Minutes = 0
    reason: Reason = ""


class SpanOut(Schema):
    begins: datetime
    ends: datetime


class WindowOut(Schema):
    """`next`: the opening that is open now, and those that follow, three at most."""

    name: str
    team: int | None
    rule: str
    time_zone: str
    minutes: int
    next: list[SpanOut]


class BlackoutIn(Schema):
    """`team`: a number, null for all teams."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    team: Team | None = None
    begins: AwareDatetime
    ends: AwareDatetime
    reason: Reason = ""


class BlackoutOut(Schema):
    id: int
    name: str
    team: int | None = Field(None, alias="team_id")
    begins: datetime
    ends: datetime


@router.get("/windows", response={200: Listed[WindowOut], **COMMON}, summary="List windows")
def list_windows(request: HttpRequest, page: Query[Page]) -> object:
    require(request.user, Right.SEE)
    items, following = paged(windows(), page)
    now = timezone.now()
    return {"items": [window_view(one, now) for one in items], "next": following}


@router.post("/windows", response={201: WindowOut, **COMMON}, summary="Make a window", openapi_extra=located(201))
def create_window(request: HttpRequest, payload: WindowIn, response: HttpResponse) -> object:
    """With the first window that is for a team, its requests run in windows only."""
    fields = cast("WindowFields", payload.dict(exclude={"reason"}))
    made = make_window(fields, by=person(request), reason=payload.reason)
    response["Location"] = f"/api/v1/windows/{quote(made.name, safe='')}"
    return Status(201, window_view(made, timezone.now()))


@router.get("/windows/{name}", response={200: WindowOut, **COMMON}, summary="Get a window")
def get_window(request: HttpRequest, name: Name) -> object:
    return window_view(_window(request, name), timezone.now())


@router.patch("/windows/{name}", response={200: WindowOut, **COMMON}, summary="Change a window")
def patch_window(request: HttpRequest, name: Name, payload: WindowChangesIn) -> object:
    fields = cast("WindowFields", payload.dict(exclude={"reason"}, exclude_unset=True))
    try:
        changed = change_window(_window(request, name), fields, by=person(request), reason=payload.reason)
    except Window.DoesNotExist:
        raise Http404 from None
    return window_view(changed, timezone.now())


@router.delete("/windows/{name}", response={204: None, **COMMON}, summary="Remove a window")
def delete_window(request: HttpRequest, name: Name) -> object:
    remove_window(_window(request, name), by=person(request))
    return Status(204, None)


@router.get("/blackouts", response={200: Listed[BlackoutOut], **COMMON}, summary="List blackouts")
def list_blackouts(request: HttpRequest, page: Query[Page]) -> object:
    require(request.user, Right.SEE)
    items, following = paged(blackouts(), page)
    return {"items": items, "next": following}


@router.post("/blackouts", response={201: BlackoutOut, **COMMON}, summary="Make a blackout")
def create_blackout(request: HttpRequest, payload: BlackoutIn) -> object:
    return Status(201, make_blackout(by=person(request), **payload.dict()))


@router.delete("/blackouts/{blackout_id}", response={204: None, **COMMON}, summary="Remove a blackout")
def delete_blackout(request: HttpRequest, blackout_id: int) -> object:
    require(request.user, Right.SEE)
    found: Blackout = get_object_or_404(blackouts(), pk=blackout_id)
    remove_blackout(found, by=person(request))
    return Status(204, None)


def _window(request: HttpRequest, name: str) -> Window:
    require(request.user, Right.SEE)
    found: Window = get_object_or_404(windows(), name=name)
    return found
