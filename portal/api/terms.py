"""What a team wants for a VM, in the API; and that it lets an operator's migration go."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Field, Router, Schema
from pydantic import ConfigDict

from hosts.models import Guest
from kvmweb.accounts.permissions import Right, require
from kvmweb.web.page import person
from kvmweb.web.plain import Plain
from kvmweb.web.problems import COMMON, Problem, ProblemError
from portal.reading.requests import own_guest
from portal.reading.terms import delay_of, guest_seen
from portal.reading.times import terms_of
from portal.usecases.errors import NothingWaits
from portal.usecases.terms import MOST_DOWNTIME_MS, MOST_VETO_HOURS, go_ahead, set_terms

router = Router(tags=["portal"])


class TermsIn(Schema):
    """What is left out is as if nothing was set."""

    model_config = ConfigDict(extra="forbid")

    quiet_hours: Plain = Field("", max_length=11, description="such as 08:00-18:00 in `time_zone`; empty for none")
    time_zone: Plain = Field("UTC", min_length=1, max_length=64)
    downtime_ms: int | None = Field(None, ge=0, le=MOST_DOWNTIME_MS)
    veto_hours: int = Field(0, ge=0, le=MOST_VETO_HOURS)
    reason: Plain = Field("", max_length=1000)


class DelayOut(Schema):
    """An operator's migration waits for the VM's team until then. `released_at`: the team has let it go."""

    until: datetime
    released_at: datetime | None
    released_by: str = Field(alias="released_by_name")


class TermsOut(Schema):
    """`delay`: null when no migration waits for the team."""

    guest: UUID = Field(alias="guest_id")
    quiet_hours: str
    time_zone: str
    downtime_ms: int | None
    veto_hours: int
    delay: DelayOut | None


@router.get("/portal/guests/{uuid}/terms", response={200: TermsOut, **COMMON}, summary="Get what a VM's team wants")
def get_terms(request: HttpRequest, uuid: UUID) -> object:
    return _out(_guest(request, uuid))


@router.put("/portal/guests/{uuid}/terms", response={200: TermsOut, **COMMON}, summary="Set what a VM's team wants")
def put_terms(request: HttpRequest, uuid: UUID, payload: TermsIn) -> object:
    """For leads of the VM's team, and operators."""
    guest = _guest(request, uuid)
    set_terms(guest, by=person(request), **payload.dict())
    return _out(guest)


@router.post(
    "/portal/guests/{uuid}/go-ahead",
    response={200: DelayOut, **COMMON, 409: Problem},
    summary="Let an operator's migration go",
)
def create_go_ahead(request: HttpRequest, uuid: UUID) -> object:
    """For people of the VM's team. 409: none waits for it."""
    require(request.user, Right.ASK)
    guest = own_guest(request.user, uuid)
    if guest is None:
        raise Http404
    try:
        return go_ahead(guest, by=person(request))
    except NothingWaits as nothing:
        raise ProblemError(409, str(nothing)) from None


def _guest(request: HttpRequest, uuid: UUID) -> Guest:
    require(request.user, Right.ENTER)
    found = guest_seen(request.user, uuid)
    if found is None:
        raise Http404
    return found


def _out(guest: Guest) -> dict[str, Any]:
    terms = terms_of(guest)
    names = ("guest_id", "quiet_hours", "time_zone", "downtime_ms", "veto_hours")
    return {name: getattr(terms, name) for name in names} | {"delay": delay_of(guest.pk, timezone.now())}
