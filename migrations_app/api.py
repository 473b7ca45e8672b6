"""Guests, preflights and migrations over the API."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status

from hosts.models import Guest, Host, Sighting
from kvmweb.accounts.permissions import Right, require
from kvmweb.journal.models import Entry
from kvmweb.journal.models import Kind as EntryKind
from kvmweb.journal.writer import migration_topic
from kvmweb.pages import person
from kvmweb.paging import Listed, Page, paged
from kvmweb.problems import COMMON, ProblemError, located
from migrations_app.api_schemas import (
    CancelIn,
    CloseIn,
    EntryOut,
    GuestFilter,
    GuestOut,
    MigrationIn,
    MigrationOut,
    Moving,
    OptionOut,
    OtherState,
    PreflightIn,
    PreflightOut,
    Unfit,
    Waiting,
)
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import TERMINAL
from migrations_app.domain.options import OPTIONS
from migrations_app.domain.request import BadRequest, MigrationRequest, make_request
from migrations_app.models import Migration, Preflight
from migrations_app.usecases.ask_preflight import ask_preflight
from migrations_app.usecases.cancel_migration import cancel_migration
from migrations_app.usecases.close_migration import close_migration
from migrations_app.usecases.errors import AlreadyMoving, KeyReused, NothingToClose, RequestRefused, TooLate
from migrations_app.usecases.keep_preflights import answered
from migrations_app.usecases.request_migration import request_migration

router = Router(tags=["migrations"])
PREFLIGHT_SECONDS = 10.0
PREFLIGHT_POLL_SECONDS = 0.05


# --- guests ---------------------------------------------------------------------------------------------------------


@router.get("/guests", response={200: Listed[GuestOut], **COMMON}, tags=["guests"], summary="The VMs as last seen")
def list_guests(request: HttpRequest, page: Query[Page], wanted: Query[GuestFilter]) -> object:
    """In the order of their UUIDs."""
    require(request.user, Right.SEE)
    rows = Guest.objects.visible_to(request.user).prefetch_related("sightings__host")
    if wanted.host:
        host = _host(request.user, wanted.host, field="host")
        rows = rows.filter(pk__in=Sighting.objects.filter(host=host, gone_since=None).values("guest"))
    if wanted.q:
        named = Q(name__icontains=wanted.q) | Q(title__icontains=wanted.q)
        rows = rows.filter(named | Q(pk=UUID(wanted.q)) if _is_uuid(wanted.q) else named)
    items, following = paged(rows, page)
    return {"items": _with_migrations(items), "next": following}


@router.get("/guests/{uuid}", response={200: GuestOut, **COMMON}, tags=["guests"], summary="One VM")
def get_guest(request: HttpRequest, uuid: UUID) -> object:
    require(request.user, Right.SEE)
    rows = Guest.objects.visible_to(request.user).prefetch_related("sightings__host")
    return _with_migrations([get_object_or_404(rows, pk=uuid)])[0]


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


# --- options --------------------------------------------------------------------------------------------------------


@router.get("/options", response={200: Listed[OptionOut], **COMMON}, summary="The options a migration can have")
def list_options(request: HttpRequest) -> object:
    """All in one page, in the order of `options` in a request."""
    require(request.user, Right.SEE)
    return {"items": OPTIONS, "next": None}


# --- preflights -----------------------------------------------------------------------------------------------------


def _host(user: Any, wanted: str | int, *, field: str) -> Host:
    """The host with this name, else with this id; a problem of `field` when there is none."""
    hosts = Host.objects.visible_to(user)
    text = str(wanted)
    found: Host | None = hosts.filter(name=text).first() if isinstance(wanted, str) else None
    if found is None and text.isascii() and text.isdecimal() and len(text) < 18:
        found = hosts.filter(pk=int(text)).first()
    if found is None:
        message = "There is no host with this id or name."
        raise ProblemError(422, message, errors=[{"field": field, "message": message}])
    return found


def _request(user: Any, payload: PreflightIn) -> MigrationRequest:
    """From the API's words to a checked request."""
    host = _host(user, payload.target, field="target")
    if not Guest.objects.visible_to(user).filter(pk=payload.guest).exists():
        raise ProblemError(404, "No VM with this UUID has been seen.")
    try:
        options = payload.options.given()
        return make_request(guest=str(payload.guest), target=host.pk, kind=Kind(payload.kind), options=options)
    except BadRequest as bad:
        raise ProblemError(422, str(bad), errors=[{"field": bad.field, "message": str(bad)}]) from None


def _ask(user: Any, payload: PreflightIn) -> Preflight:
    require(user, Right.MOVE)
    try:
        return ask_preflight(by=user, request=_request(user, payload))
    except RequestRefused as refused:
        raise _refused(refused) from None


@router.post(
    "/preflights",
    response={200: PreflightOut, 202: Waiting, **COMMON},
    tags=["preflights"],
    summary="Check a migration",
    openapi_extra=located(200, 202),
)
async def create_preflight(request: HttpRequest, payload: PreflightIn, response: HttpResponse) -> object:
    """Waits up to 10 s for the report; after that 202, and Location says where it will be."""
    preflight = await sync_to_async(_ask)(request.user, payload)
    response["Location"] = f"/api/v1/preflights/{preflight.pk}"
    until = time.monotonic() + PREFLIGHT_SECONDS
    while time.monotonic() < until:
        await preflight.arefresh_from_db()
        if preflight.seen_at is not None:
            return Status(200, preflight)
        await asyncio.sleep(PREFLIGHT_POLL_SECONDS)
    return Status(202, {"id": preflight.pk})


@router.get(
    "/preflights/{preflight_id}",
    response={200: PreflightOut, 202: Waiting, **COMMON},
    tags=["preflights"],
    summary="A report",
    openapi_extra=located(202),
)
def get_preflight(request: HttpRequest, preflight_id: int, response: HttpResponse) -> object:
    require(request.user, Right.SEE)
    preflight = answered(get_object_or_404(Preflight.objects.visible_to(request.user), pk=preflight_id))
    if preflight.seen_at is None:
        response["Location"] = f"/api/v1/preflights/{preflight.pk}"
        return Status(202, {"id": preflight.pk})
    return Status(200, preflight)


# --- migrations -----------------------------------------------------------------------------------------------------


def _migrations(user: Any) -> QuerySet[Migration]:
    return Migration.objects.visible_to(user).select_related("source", "target")


@router.get("/migrations", response={200: Listed[MigrationOut], **COMMON}, summary="Migrations, the newest first")
def list_migrations(request: HttpRequest, page: Query[Page], active: bool | None = None) -> object:
    require(request.user, Right.SEE)
    rows = _migrations(request.user)
    if active is not None:
        rows = rows.exclude(state__in=TERMINAL) if active else rows.filter(state__in=TERMINAL)
    items, following = paged(rows, page, newest_first=True)
    return {"items": items, "next": following}


@router.post(
    "/migrations",
    response={200: MigrationOut, 201: MigrationOut, **COMMON, 409: Moving, 422: Unfit},
    summary="Move a VM",
    openapi_extra=located(200, 201),
)
def create_migration(request: HttpRequest, payload: MigrationIn, response: HttpResponse) -> object:
    """201 for a new one; 200 when this idempotency key made the same one before; 409 names the one that is running."""
    require(request.user, Right.MOVE)
    wanted = _request(request.user, payload)
    try:
        migration, made = request_migration(
            by=person(request),
            request=wanted,
            reason=payload.reason,
            idempotency_key=payload.idempotency_key,
            confirm=payload.confirm,
        )
    except AlreadyMoving as busy:
        running = {"id": busy.running.pk, "state": busy.running.state, "target": busy.running.target.name}
        raise ProblemError(409, str(busy), running=running) from None
    except KeyReused as reused:
        error = {"field": "idempotency_key", "message": str(reused)}
        raise ProblemError(422, str(reused), errors=[error], first=reused.first.pk) from None
    except RequestRefused as refused:
        raise _refused(refused) from None
    response["Location"] = f"/api/v1/migrations/{migration.pk}"
    return Status(201 if made else 200, migration)


@router.get("/migrations/{migration_id}", response={200: MigrationOut, **COMMON}, summary="One migration")
def get_migration(request: HttpRequest, migration_id: int) -> object:
    require(request.user, Right.SEE)
    return get_object_or_404(_migrations(request.user), pk=migration_id)


@router.get("/migrations/{migration_id}/journal", response={200: Listed[EntryOut], **COMMON}, summary="What happened")
def get_journal(request: HttpRequest, migration_id: int, page: Query[Page]) -> object:
    require(request.user, Right.SEE)
    migration = get_object_or_404(_migrations(request.user), pk=migration_id)
    rows = Entry.objects.filter(topic=migration_topic(migration.pk)).exclude(kind=EntryKind.SIGNAL)
    items, following = paged(rows, page)
    return {"items": items, "next": following}


@router.post(
    "/migrations/{migration_id}/cancel",
    response={202: MigrationOut, **COMMON, 409: OtherState},
    summary="Cancel a migration",
)
def cancel(request: HttpRequest, migration_id: int, payload: CancelIn | None = None) -> object:
    """A flag that takes effect at once before switch-over; one that comes too late ends in `done` and says so."""
    migration = get_object_or_404(_migrations(request.user), pk=migration_id)
    try:
        return Status(202, cancel_migration(migration, by=person(request), reason=payload.reason if payload else ""))
    except TooLate as late:
        raise ProblemError(409, str(late), state=late.migration.state) from None


@router.post(
    "/migrations/{migration_id}/close",
    response={200: MigrationOut, **COMMON, 409: OtherState},
    summary="Close a migration that needs attention",
)
def close(request: HttpRequest, migration_id: int, payload: CloseIn) -> object:
    """For admins who have looked where the VM is. No host is touched: it ends in `failed`, the VM can move again."""
    migration = get_object_or_404(_migrations(request.user), pk=migration_id)
    try:
        return close_migration(migration, by=person(request), reason=payload.reason)
    except NothingToClose as nothing:
        raise ProblemError(409, str(nothing), state=nothing.migration.state) from None
    except RequestRefused as refused:
        raise _refused(refused) from None


def _refused(refused: RequestRefused) -> ProblemError:
    return ProblemError(422, refused.message, errors=[{"field": refused.field, "message": refused.message}])
