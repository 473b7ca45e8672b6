"""VMs over the API."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router

from hosts.models import Guest, Sighting
from kvmweb.accounts.permissions import Right, require
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.problems import COMMON
from migrations_app.api.answers import (
    GuestOut,
    KindOut,
)
from migrations_app.api.common import found_host
from migrations_app.api.requests import GuestFilter, KindsFilter
from migrations_app.models import Migration
from migrations_app.reading.kinds import offers

router = Router(tags=["guests"])


@router.get("/guests", response={200: Listed[GuestOut], **COMMON}, summary="The VMs as last seen")
def list_guests(request: HttpRequest, page: Query[Page], wanted: Query[GuestFilter]) -> object:
    """In the order of their UUIDs."""
    require(request.user, Right.SEE)
    rows = Guest.objects.visible_to(request.user).prefetch_related("sightings__host")
    if wanted.host:
        host = found_host(request.user, wanted.host, field="host")
        rows = rows.filter(pk__in=Sighting.objects.filter(host=host, gone_since=None).values("guest"))
    if wanted.q:
        named = Q(name__icontains=wanted.q) | Q(title__icontains=wanted.q)
        rows = rows.filter(named | Q(pk=UUID(wanted.q)) if _is_uuid(wanted.q) else named)
    items, following = paged(rows, page)
    return {"items": _with_migrations(items), "next": following}


@router.get("/guests/{uuid}", response={200: GuestOut, **COMMON}, summary="One VM")
def get_guest(request: HttpRequest, uuid: UUID) -> object:
    require(request.user, Right.SEE)
    rows = Guest.objects.visible_to(request.user).prefetch_related("sightings__host")
    return _with_migrations([get_object_or_404(rows, pk=uuid)])[0]


@router.get(
    "/guests/{uuid}/kinds", response={200: Listed[KindOut], **COMMON}, summary="Which kinds of migration move this VM"
)
def list_kinds(request: HttpRequest, uuid: UUID, wanted: Query[KindsFilter]) -> object:
    """All in one page, by what was last seen; a preflight asks the hosts."""
    require(request.user, Right.SEE)
    rows = Guest.objects.visible_to(request.user).prefetch_related("sightings__host")
    guest = get_object_or_404(rows, pk=uuid)
    target = found_host(request.user, wanted.target, field="target") if wanted.target else None
    return {"items": offers(guest, target), "next": None}


def _with_migrations(guests: list[Guest]) -> list[Guest]:
    running = dict(Migration.objects.active().filter(guest__in=guests).values_list("guest_id", "pk"))
    for guest in guests:
        guest.migration = running.get(guest.pk)  # type: ignore[attr-defined]
    return guests


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
