"""Rollback copies in the API: list, read, delete."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Query, Router, Schema, Status
from pydantic import ConfigDict

from hosts.reading.veil import veil_of
from kvmweb.accounts.permissions import Right, require
from kvmweb.web.page import person
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.plain import Plain
from kvmweb.web.problems import COMMON, Problem, ProblemError
from migrations_app.api.texts import one_of
from migrations_app.models import CopyState, RollbackCopy, Verification
from migrations_app.reading.rollback_copies import copy_rows
from migrations_app.usecases.delete_copy import delete_copy
from migrations_app.usecases.errors import CopyStays

router = Router(tags=["rollback copies"])

CopyStateText = Annotated[str, one_of(CopyState)]


class CopyOut(Schema):
    """`size` is what the VM saw and `allocated` what the disk used when its migration began, in bytes; null when not
    known. `verification`: "mirror" means that the new disk was created with the same virtual size and libvirt completed
    the copy, but the content was not compared; "checksums" that the content is equal. `state_text` says why the copy
    was not deleted, or what became of it."""

    id: int
    migration: int
    guest: UUID
    vm: str
    disk: str
    host: str
    host_id: int
    pool: str
    volume: str
    path: str
    format: str
    size: int | None
    allocated: int | None
    verification: Annotated[str, one_of(Verification)]
    created_at: datetime
    age_seconds: int
    state: CopyStateText
    state_text: str
    state_since: datetime
    delete_requested_by: str

    @staticmethod
    def resolve_migration(row: RollbackCopy) -> int:
        return row.migration_id

    @staticmethod
    def resolve_guest(row: RollbackCopy) -> UUID:
        guest: UUID = row.migration.guest_id
        return guest

    @staticmethod
    def resolve_vm(row: RollbackCopy) -> str:
        return row.guest_name

    @staticmethod
    def resolve_host(row: RollbackCopy) -> str:
        return row.host.name

    @staticmethod
    def resolve_state_text(row: RollbackCopy, context: Any) -> str:
        return str(veil_of(context, row.host_id)(row.state_text))

    @staticmethod
    def resolve_age_seconds(row: RollbackCopy) -> int:
        return max(0, int((timezone.now() - row.created_at).total_seconds()))

    @staticmethod
    def resolve_delete_requested_by(row: RollbackCopy) -> str:
        return row.asked_by_name


class DeleteCopyIn(Schema):
    """`confirm`: the exact name of the VM."""

    model_config = ConfigDict(extra="forbid")

    confirm: str = Field(max_length=512)
    reason: Plain = Field("", max_length=1000)


class CopyInUse(Problem):
    state: CopyStateText


@router.get("/rollback-copies", response={200: Listed[CopyOut], **COMMON}, summary="List rollback copies, newest first")
def list_rollback_copies(request: HttpRequest, page: Query[Page], state: CopyState | None = None) -> object:
    """The disks that stay at the source after migrations that copied them."""
    require(request.user, Right.SEE)
    rows = copy_rows(request.user)
    items, following = paged(rows.filter(state=state) if state else rows, page, newest_first=True)
    return {"items": items, "next": following}


@router.get("/rollback-copies/{copy_id}", response={200: CopyOut, **COMMON}, summary="Get a rollback copy")
def get_rollback_copy(request: HttpRequest, copy_id: int) -> object:
    require(request.user, Right.SEE)
    return get_object_or_404(copy_rows(request.user), pk=copy_id)


@router.post(
    "/rollback-copies/{copy_id}/delete",
    response={202: CopyOut, **COMMON, 409: CopyInUse},
    summary="Delete a rollback copy",
)
def delete_rollback_copy(request: HttpRequest, copy_id: int, payload: DeleteCopyIn) -> object:
    """202 means that the request is recorded: a worker asks every registered host, and deletes the volume when no VM
    uses it. Otherwise the copy becomes `present` again, and `state_text` says why. 409: this is known to fail now."""
    copy = get_object_or_404(copy_rows(request.user), pk=copy_id)
    try:
        return Status(202, delete_copy(copy, by=person(request), confirm=payload.confirm, reason=payload.reason))
    except CopyStays as stays:
        raise ProblemError(409, str(stays), state=stays.copy.state) from None
