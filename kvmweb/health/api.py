"""The health of kvmweb in the API."""

from __future__ import annotations

from typing import Literal

from django.http import HttpRequest
from ninja import Router, Schema

from kvmweb.accounts.permissions import Right, require
from kvmweb.health import report
from kvmweb.health.row import worst
from kvmweb.web.problems import COMMON

router = Router(tags=["health"])
StateText = Literal["well", "warning", "unknown", "bad"]


class HealthRowOut(Schema):
    """`text`: one sentence, or two."""

    name: str
    state: StateText
    text: str


class HealthOut(Schema):
    """`state`: the worst of all rows. What kvmweb cannot tell is `unknown`, which is worse than `warning`."""

    state: StateText
    items: list[HealthRowOut]


@router.get("/health", response={200: HealthOut, **COMMON}, summary="Get the health of kvmweb")
def get_health(request: HttpRequest) -> object:
    require(request.user, Right.SEE_HEALTH)
    rows = report.rows()
    return {"state": worst(rows), "items": rows}
