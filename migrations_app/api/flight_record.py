"""The record of one migration in the API: the same as its page gives to download."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema

from hosts.reading.veil import veil_for
from kvmweb.accounts.permissions import Right, require
from kvmweb.web.problems import COMMON
from migrations_app.api.answers import EntryOut, MigrationOut
from migrations_app.api.order_answers import OrderOut
from migrations_app.api.policy_answers import DecisionOut
from migrations_app.models import Migration
from migrations_app.reading.flight_record import flight_record
from migrations_app.reading.migrations import whole_rows

router = Router(tags=["migrations"])


class SoftwareOut(Schema):
    """Versions when the migration started; "" is not known."""

    libvirt: str = ""
    qemu: str = ""


class VersionsOut(Schema):
    """`kvmweb`: of the worker that started the migration."""

    kvmweb: str = ""
    source: SoftwareOut = SoftwareOut()
    target: SoftwareOut = SoftwareOut()


class TruthOut(Schema):
    """What was measured, beside the `forecast` of the migration. `duration_ms`: how long libvirt worked on it, only of
    one that is done."""

    duration_ms: int | None
    downtime_ms: int | None
    transferred_bytes: int | None
    rate_bps: float | None


class SampleOut(Schema):
    """`pass_remaining_bytes`: what was left when the pass `iteration` began. Null: not reported."""

    at: datetime = Field(alias="created")
    rate_bps: float | None
    dirty_bps: float | None
    iteration: int | None
    pass_remaining_bytes: int | None
    allowed_downtime_ms: int | None
    needed_downtime_ms: int | None


class RecordOut(Schema):
    """`definition_before`: the VM's definition at the source before the start; `definition_after`: the one at the
    destination when the migration was done. Both are without secrets, and "" when not known. `samples`: at most 600,
    evenly thinned. `truth` is null until the migration has ended."""

    migration: MigrationOut
    versions: VersionsOut
    definition_before: str
    definition_after: str
    truth: TruthOut | None
    orders: list[OrderOut]
    decisions: list[DecisionOut]
    samples: list[SampleOut]
    journal: list[EntryOut]


def record_of(request: HttpRequest, migration: Migration) -> dict[str, Any]:
    """RecordOut as JSON, as this user may read it."""
    record = RecordOut.from_orm(flight_record(request.user, migration), context={"request": request})
    veil = veil_for(request.user, migration.source_id, migration.target_id)
    read: dict[str, Any] = veil(record.model_dump(mode="json"))
    return read


@router.get(
    "/migrations/{migration_id}/record",
    response={200: RecordOut, **COMMON},
    summary="Get everything that is recorded of a migration",
)
def get_record(request: HttpRequest, migration_id: int) -> object:
    """As its page gives it to download."""
    require(request.user, Right.SEE)
    return JsonResponse(record_of(request, get_object_or_404(whole_rows(request.user), pk=migration_id)))
