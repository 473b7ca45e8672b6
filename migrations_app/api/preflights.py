"""Preflight checks in the API: request one, wait for its report, read it later."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Router, Status

from hosts.facts.given_definition import TooLarge, given_definition
from hosts.facts.xml import BadXml
from kvmweb.accounts.permissions import Right, require
from kvmweb.web.problems import COMMON, located
from migrations_app.api.answers import (
    PreflightOut,
    Waiting,
)
from migrations_app.api.common import found_host, request_for_guest, request_of, unfit
from migrations_app.api.requests import PreflightIn
from migrations_app.models import Preflight
from migrations_app.reading.preflights import preflight_rows, told
from migrations_app.usecases.ask_preflight import ask_about_definition, ask_preflight
from migrations_app.usecases.keep_preflights import answered

router = Router(tags=["preflights"])
PREFLIGHT_SECONDS = 10.0
PREFLIGHT_POLL_SECONDS = 0.05


def _ask(user: Any, payload: PreflightIn) -> Preflight:
    require(user, Right.MOVE)
    if payload.definition is not None:
        return _ask_about_definition(user, payload, payload.definition)
    if payload.guest is None:
        raise unfit("guest", "Send guest, or definition and source.")
    if payload.source is not None:
        raise unfit("source", "Only a definition has a source; a VM is checked where it is.")
    request = request_for_guest(user, payload, guest=payload.guest)
    return ask_preflight(by=user, request=request)


def _ask_about_definition(user: Any, payload: PreflightIn, text: str) -> Preflight:
    if payload.guest is not None:
        raise unfit("definition", "Send guest or definition, not both.")
    if payload.source is None:
        raise unfit("source", "Required with definition.")
    try:
        definition = given_definition(text)
    except BadXml as bad:
        raise unfit("definition", str(bad), status=413 if isinstance(bad, TooLarge) else 422) from None
    source = found_host(user, payload.source, field="source")
    request = request_of(user, payload, guest=definition.uuid)
    return ask_about_definition(by=user, definition=definition, source=source, request=request)


@router.post(
    "/preflights",
    response={200: PreflightOut, 202: Waiting, **COMMON},
    summary="Run a preflight check",
    openapi_extra=located(200, 202),
)
async def create_preflight(request: HttpRequest, payload: PreflightIn, response: HttpResponse) -> object:
    """Waits up to 10 s for the report. 202: it is not ready yet; Location has its address. A definition is kept only
    until it is checked."""
    preflight = await sync_to_async(_ask)(request.user, payload)
    response["Location"] = f"/api/v1/preflights/{preflight.pk}"
    until = time.monotonic() + PREFLIGHT_SECONDS
    while time.monotonic() < until:
        await preflight.arefresh_from_db()
        if preflight.seen_at is not None:
            return Status(200, await sync_to_async(told)(request.user, preflight))
        await asyncio.sleep(PREFLIGHT_POLL_SECONDS)
    return Status(202, {"id": preflight.pk})


@router.get(
    "/preflights/{preflight_id}",
    response={200: PreflightOut, 202: Waiting, **COMMON},
    summary="Get the report of a preflight check",
    openapi_extra=located(202),
)
def get_preflight(request: HttpRequest, preflight_id: int, response: HttpResponse) -> object:
    require(request.user, Right.SEE)
    preflight = answered(get_object_or_404(preflight_rows(request.user), pk=preflight_id))
    if preflight.seen_at is None:
        response["Location"] = f"/api/v1/preflights/{preflight.pk}"
        return Status(202, {"id": preflight.pk})
    return Status(200, told(request.user, preflight))
