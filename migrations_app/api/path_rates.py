"""What the path between two hosts carries, in the API: measure it, read the result."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema, Status
from pydantic import ConfigDict

from hosts.reading.veil import veil_of
from kvmweb.accounts.permissions import Right, require
from kvmweb.web.page import person
from kvmweb.web.plain import Plain
from kvmweb.web.problems import COMMON, Problem, ProblemError, located
from migrations_app.api.common import found_host
from migrations_app.models import PathRate
from migrations_app.reading.path_rates import path_rows
from migrations_app.usecases.measure_path import NotMeasurable, answered, measure_path

router = Router(tags=["path rates"])


class PathRateIn(Schema):
    """`source`, `target`: name or id of a host."""

    model_config = ConfigDict(extra="forbid")

    source: str | int
    target: str | int
    reason: Plain = Field("", max_length=1000)


class PathRateOut(Schema):
    """`bps`: bytes per second, by the probe stream at `measured_at`; null without one. It `counts` for forecasts for a
    day. `running`: a stream was asked for and has not ended. `error`: why the newest one gave no result."""

    id: int
    source: str
    target: str
    address: str
    asked_at: datetime
    running: bool
    error: str
    bps: float | None
    measured_at: datetime | None
    counts: bool

    @staticmethod
    def resolve_source(row: PathRate) -> str:
        return row.source.name

    @staticmethod
    def resolve_target(row: PathRate) -> str:
        return row.target.name

    @staticmethod
    def resolve_running(row: PathRate) -> bool:
        return row.open

    @staticmethod
    def resolve_error(row: PathRate, context: Any) -> str:
        return str(veil_of(context, row.source_id, row.target_id)(row.error))


@router.post(
    "/path-rates",
    response={202: PathRateOut, **COMMON, 409: Problem},
    summary="Measure what the path between two hosts carries",
    openapi_extra=located(202),
)
def create_path_rate(request: HttpRequest, payload: PathRateIn, response: HttpResponse) -> object:
    """The source sends a short stream to the migration address of the target; for about two seconds the path is full.
    202: Location has the address of the result, which is there after some seconds. 409: not now, or not between these
    hosts."""
    require(request.user, Right.MOVE)
    source, target = (
        found_host(request.user, wanted, field=field)
        for field, wanted in (("source", payload.source), ("target", payload.target))
    )
    try:
        row = measure_path(source, target, by=person(request), reason=payload.reason)
    except NotMeasurable as refused:
        raise ProblemError(409, str(refused)) from None
    response["Location"] = f"/api/v1/path-rates/{row.pk}"
    return Status(202, row)


@router.get("/path-rates/{path_rate_id}", response={200: PathRateOut, **COMMON}, summary="Get the rate of a path")
def get_path_rate(request: HttpRequest, path_rate_id: int) -> object:
    require(request.user, Right.SEE)
    return answered(get_object_or_404(path_rows(request.user), pk=path_rate_id))
