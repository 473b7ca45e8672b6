"""VMs over the API."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router

from hosts.reading.teams import owned_by, visible_teams
from kvmweb.accounts.permissions import Right, require
from kvmweb.web.page import person
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.problems import COMMON
from migrations_app.api.answers import KindOut
from migrations_app.api.common import found_host, unfit
from migrations_app.api.guest_answers import GuestOut
from migrations_app.api.policy_requests import GuestChangesIn
from migrations_app.api.requests import GuestFilter, KindsFilter
from migrations_app.reading.guests import called, guests_seen, listed, on_host, with_moves
from migrations_app.reading.kinds import offers
from migrations_app.usecases.choose_policy import choose_for_guest, set_consent
from migrations_app.usecases.probing import set_address

router = Router(tags=["guests"])


@router.get("/guests", response={200: Listed[GuestOut], **COMMON}, summary="List VMs, as last seen")
def list_guests(request: HttpRequest, page: Query[Page], wanted: Query[GuestFilter]) -> object:
    """Ordered by UUID."""
    require(request.user, Right.SEE)
    rows = listed(guests_seen(request.user), gone_only=wanted.gone)
    if wanted.host:
        rows = on_host(rows, found_host(request.user, wanted.host, field="host"), gone_only=bool(wanted.gone))
    if wanted.team is not None:
        team = visible_teams(request.user).filter(pk=wanted.team).first()
        if team is None:
            raise unfit("team", "There is no such team.")
        rows = owned_by(rows, team)
    if wanted.q:
        rows = called(rows, wanted.q)
    items, following = paged(rows, page)
    return {"items": with_moves(request.user, items), "next": following}


@router.get("/guests/{uuid}", response={200: GuestOut, **COMMON}, summary="Get a VM")
def get_guest(request: HttpRequest, uuid: UUID) -> object:
    require(request.user, Right.SEE)
    return with_moves(request.user, [get_object_or_404(guests_seen(request.user), pk=uuid)])[0]


@router.patch(
    "/guests/{uuid}",
    response={200: GuestOut, **COMMON},
    summary="Change what is set for a VM",
)
def patch_guest(request: HttpRequest, uuid: UUID, payload: GuestChangesIn) -> object:
    require(request.user, Right.SEE)
    guest = get_object_or_404(guests_seen(request.user), pk=uuid)
    with transaction.atomic():
        set_consent(guest, payload.consent.dict(exclude_none=True), by=person(request), reason=payload.reason)
        if "policy" in payload.model_fields_set:
            choose_for_guest(guest, payload.policy, by=person(request), reason=payload.reason)
        if "probe_address" in payload.model_fields_set:
            set_address(guest, payload.probe_address or "", by=person(request), reason=payload.reason)
    return get_guest(request, uuid)


@router.get("/guests/{uuid}/kinds", response={200: Listed[KindOut], **COMMON}, summary="List the methods for a VM")
def list_kinds(request: HttpRequest, uuid: UUID, wanted: Query[KindsFilter]) -> object:
    """All in one page, based on what was last seen. A preflight check asks the hosts."""
    require(request.user, Right.SEE)
    guest = get_object_or_404(guests_seen(request.user), pk=uuid)
    target = found_host(request.user, wanted.target, field="target") if wanted.target else None
    return {"items": offers(guest, target), "next": None}
