"""Requests of teams in the API: ask, read, withdraw. People of teams receive no host, address or path."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status
from pydantic import AwareDatetime, ConfigDict

from kvmweb.accounts.permissions import Right, require
from kvmweb.web.page import person
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.plain import Plain
from kvmweb.web.problems import COMMON, ProblemError, located
from portal.api.answers import Ended, Open, Refused, RequestOut
from portal.domain.states import Wish
from portal.models import Request
from portal.reading.requests import own_guest, views, visible_requests
from portal.usecases.ask import Asked, ask
from portal.usecases.errors import AlreadyAsked, KeyReused, OverQuota, TooLate
from portal.usecases.withdraw import withdraw

router = Router(tags=["portal"])


class AskIn(Schema):
    """`wish`: `away` from its host, to a `site`, or to other `storage`; for the last two `value` is its name. kvmweb
    chooses the host."""

    model_config = ConfigDict(extra="forbid")

    guest: UUID
    wish: Wish
    value: Plain | None = Field(None, max_length=100)
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None
    reason: Plain = Field("", max_length=1000)
    idempotency_key: Plain = Field("", max_length=200)


class WithdrawIn(Schema):
    model_config = ConfigDict(extra="forbid")

    reason: Plain = Field("", max_length=1000)


@router.get("/portal/requests", response={200: Listed[RequestOut], **COMMON}, summary="List requests, newest first")
def list_requests(request: HttpRequest, page: Query[Page], open: bool | None = None) -> object:
    """People of teams get those about their VMs. `open`: true for those that have not ended."""
    require(request.user, Right.ENTER)
    items, following = paged(visible_requests(request.user, is_open=open), page, newest_first=True)
    return {"items": views(items, request.user), "next": following}


@router.post(
    "/portal/requests",
    response={200: RequestOut, 201: RequestOut, **COMMON, 409: Open, 422: Refused},
    summary="Ask that a VM of your team migrates",
    openapi_extra=located(200, 201),
)
def create_request(request: HttpRequest, payload: AskIn, response: HttpResponse) -> object:
    """201: a new request. 200: this idempotency key has already created the same one. 409: the VM has an open request,
    which is in `open`."""
    require(request.user, Right.ASK)
    guest = own_guest(request.user, payload.guest)
    if guest is None:
        raise Http404
    asked = Asked(
        wish=payload.wish,
        value=payload.value or "",
        not_before=payload.not_before,
        not_after=payload.not_after,
        reason=payload.reason,
    )
    try:
        row, made = ask(by=person(request), guest=guest, asked=asked, idempotency_key=payload.idempotency_key)
    except AlreadyAsked as already:
        raise ProblemError(409, str(already), open={"id": already.open.pk, "state": already.open.state}) from None
    except KeyReused as reused:
        error = {"field": "idempotency_key", "message": str(reused)}
        raise ProblemError(422, str(reused), errors=[error], first=reused.first.pk) from None
    except OverQuota as over:
        raise ProblemError(422, str(over), exceeded=[one.as_json() for one in over.exceeded]) from None
    response["Location"] = f"/api/v1/portal/requests/{row.pk}"
    return Status(201 if made else 200, views([row], request.user)[0])


@router.get("/portal/requests/{request_id}", response={200: RequestOut, **COMMON}, summary="Get a request")
def get_request(request: HttpRequest, request_id: int) -> object:
    return views([_request(request, request_id)], request.user)[0]


@router.post(
    "/portal/requests/{request_id}/withdraw",
    response={200: RequestOut, 202: RequestOut, **COMMON, 409: Ended},
    summary="Withdraw a request",
)
def withdraw_request(request: HttpRequest, request_id: int, payload: WithdrawIn | None = None) -> object:
    """For the person who asked and the team's lead. 200: it has ended. 202: its migration is being cancelled; when that
    comes too late, the request ends in `done`. 409: it has ended otherwise."""
    row = _request(request, request_id)
    try:
        row = withdraw(row, by=person(request), reason=payload.reason if payload else "")
    except TooLate as late:
        raise ProblemError(409, str(late), state=late.request.state) from None
    return Status(200 if row.ended else 202, views([row], request.user)[0])


def _request(request: HttpRequest, request_id: int) -> Request:
    require(request.user, Right.ENTER)
    found: Request = get_object_or_404(visible_requests(request.user), pk=request_id)
    return found
