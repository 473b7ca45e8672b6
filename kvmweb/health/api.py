"""The health of kvmweb in the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import WithJsonSchema

from kvmweb.accounts.permissions import Right, require
from kvmweb.health.signs import Level, look
from kvmweb.web.problems import COMMON

router = Router(tags=["records"])
State = Annotated[str, WithJsonSchema({"type": "string", "enum": [level.value for level in Level]})]


class SignOut(Schema):
    """`values`: the numbers behind `text`."""

    name: str
    title: str
    state: State
    text: str
    values: dict[str, Any]


class HealthOut(Schema):
    """`state`: the worst of all signs; what cannot be seen is `unknown`."""

    state: State
    checked_at: datetime
    signs: list[SignOut]


@router.get("/health", response={200: HealthOut, **COMMON}, summary="Get the health of kvmweb itself")
def get_health(request: HttpRequest) -> object:
    """Processes, queues, journal, database, disk, hosts and backup. For auditors and admins."""
    require(request.user, Right.READ_RECORDS)
    return look(request.user)
