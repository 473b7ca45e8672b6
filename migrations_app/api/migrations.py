"""Migrations in the API: request, read, cancel, close."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status

from kvmweb.accounts.permissions import Right, require
from kvmweb.web.page import person
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.problems import COMMON, ProblemError, located
from migrations_app.api.answers import (
    EntryOut,
    LaterOut,
    MigrationOut,
    Moving,
    OtherState,
    Unfit,
)
from migrations_app.api.common import request_for_guest
from migrations_app.api.requests import CancelIn, CloseIn, MigrationIn
from migrations_app.domain.gate import Later
from migrations_app.domain.lifecycle import TERMINAL
from migrations_app.reading.journal import record_of, told
from migrations_app.reading.migrations import whole_rows
from migrations_app.usecases.close_migration import close_migration
from migrations_app.usecases.errors import AlreadyMoving, KeyReused, NothingToClose, NotOffered, TooLate
from migrations_app.usecases.examine import correct_clock, examine_again
from migrations_app.usecases.give_order import cancel_migration
from migrations_app.usecases.look_again import look_again
from migrations_app.usecases.request_migration import request_migration

router = Router(tags=["migrations"])


@router.get("/migrations", response={200: Listed[MigrationOut], **COMMON}, summary="List migrations, newest first")
def list_migrations(request: HttpRequest, page: Query[Page], active: bool | None = None) -> object:
    require(request.user, Right.SEE)
    rows = whole_rows(request.user)
    if active is not None:
        rows = rows.exclude(state__in=TERMINAL) if active else rows.filter(state__in=TERMINAL)
    items, following = paged(rows, page, newest_first=True)
    return {"items": items, "next": following}


@router.post(
    "/migrations",
    response={200: MigrationOut, 201: MigrationOut, **COMMON, 409: Moving, 422: Unfit},
    summary="Migrate a VM",
    openapi_extra=located(200, 201),
)
def create_migration(request: HttpRequest, payload: MigrationIn, response: HttpResponse) -> object:
    """201: a new migration. 200: this idempotency key has already created the same one. 409: the VM has an active
    migration, which is in `running`."""
    require(request.user, Right.MOVE)
    wanted = request_for_guest(request.user, payload, guest=payload.guest)
    try:
        migration, made = request_migration(
            by=person(request),
            request=wanted,
            reason=payload.reason,
            idempotency_key=payload.idempotency_key,
            confirm=payload.confirm,
            urgent=payload.urgent,
            break_glass=payload.break_glass,
        )
    except AlreadyMoving as busy:
        running = {"id": busy.running.pk, "state": busy.running.state, "target": busy.running.target.name}
        raise ProblemError(409, str(busy), running=running) from None
    except KeyReused as reused:
        error = {"field": "idempotency_key", "message": str(reused)}
        raise ProblemError(422, str(reused), errors=[error], first=reused.first.pk) from None
    response["Location"] = f"/api/v1/migrations/{migration.pk}"
    return Status(201 if made else 200, migration)


@router.get("/migrations/{migration_id}", response={200: MigrationOut, **COMMON}, summary="Get a migration")
def get_migration(request: HttpRequest, migration_id: int) -> object:
    require(request.user, Right.SEE)
    return get_object_or_404(whole_rows(request.user), pk=migration_id)


@router.get(
    "/migrations/{migration_id}/journal",
    response={200: Listed[EntryOut], **COMMON},
    summary="List the journal of a migration",
)
def get_journal(request: HttpRequest, migration_id: int, page: Query[Page]) -> object:
    require(request.user, Right.SEE)
    migration = get_object_or_404(whole_rows(request.user), pk=migration_id)
    items, following = paged(record_of(migration), page)
    return {"items": told(request.user, migration, items), "next": following}


@router.post(
    "/migrations/{migration_id}/cancel",
    response={202: MigrationOut, **COMMON, 409: OtherState},
    summary="Cancel a migration",
)
def cancel(request: HttpRequest, migration_id: int, payload: CancelIn | None = None) -> object:
    """202 means that the request is recorded. It takes effect at once before the switchover; when it comes too late,
    the migration ends in `done` and says so."""
    migration = get_object_or_404(whole_rows(request.user), pk=migration_id)
    try:
        return Status(202, cancel_migration(migration, by=person(request), reason=payload.reason if payload else ""))
    except TooLate as late:
        raise ProblemError(409, str(late), state=late.migration.state) from None


@router.post(
    "/migrations/{migration_id}/look",
    response={202: MigrationOut, **COMMON, 409: OtherState},
    summary="Try to connect to the hosts now",
)
def look(request: HttpRequest, migration_id: int) -> object:
    """For a migration that waits for a host (`waiting`): kvmweb does not wait for the next attempt."""
    migration = get_object_or_404(whole_rows(request.user), pk=migration_id)
    try:
        return Status(202, look_again(migration, by=person(request)))
    except TooLate as late:
        raise ProblemError(409, str(late), state=late.migration.state) from None


@router.post(
    "/migrations/{migration_id}/arrival",
    response={202: MigrationOut, **COMMON, 409: OtherState},
    summary="Test a VM that has arrived again",
)
def examine(request: HttpRequest, migration_id: int) -> object:
    """The results are in `arrival`, within about ten seconds."""
    migration = get_object_or_404(whole_rows(request.user), pk=migration_id)
    try:
        return Status(202, examine_again(migration, by=person(request)))
    except NotOffered as refused:
        raise ProblemError(409, str(refused), state=refused.migration.state) from None


@router.post(
    "/migrations/{migration_id}/clock",
    response={202: MigrationOut, **COMMON, 409: OtherState},
    summary="Set the clock of a VM that has arrived",
)
def clock(request: HttpRequest, migration_id: int, payload: CancelIn | None = None) -> object:
    """Through the guest agent, to that of kvmweb's machine. The journal says what came of it; then the VM is tested
    again."""
    migration = get_object_or_404(whole_rows(request.user), pk=migration_id)
    try:
        return Status(202, correct_clock(migration, by=person(request), reason=payload.reason if payload else ""))
    except NotOffered as refused:
        raise ProblemError(409, str(refused), state=refused.migration.state) from None


@router.post(
    "/migrations/{migration_id}/close",
    response={200: MigrationOut, 202: LaterOut, **COMMON, 409: OtherState},
    summary="Close a migration that needs attention",
    openapi_extra=located(202),
)
def close(request: HttpRequest, migration_id: int, payload: CloseIn, response: HttpResponse) -> object:
    """For admins who have checked where the VM runs. Nothing changes on the hosts: the migration ends in `failed`, and
    the VM can be migrated again. 202: four eyes are on, so it is closed as soon as another admin approves it."""
    migration = get_object_or_404(whole_rows(request.user), pk=migration_id)
    try:
        closed = close_migration(migration, by=person(request), reason=payload.reason, break_glass=payload.break_glass)
    except NothingToClose as nothing:
        raise ProblemError(409, str(nothing), state=nothing.migration.state) from None
    if isinstance(closed, Later):
        response["Location"] = f"/api/v1/approvals/{closed.approval}"
        return Status(202, {"text": closed.sentence, "approval": closed.approval})
    return closed
