"""Orders to a running migration in the API: what can be changed, what was asked, and what came of it."""

from __future__ import annotations

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status

from kvmweb.accounts.permissions import Right, require
from kvmweb.web.page import person
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.problems import COMMON, ProblemError
from migrations_app.api.answers import OtherState
from migrations_app.api.order_answers import ControlsOut, OrderOut
from migrations_app.api.requests import OrderIn
from migrations_app.models import Migration
from migrations_app.reading.migrations import whole_rows
from migrations_app.reading.orders import orders_of
from migrations_app.usecases.errors import NotOffered, TooLate
from migrations_app.usecases.give_order import order_by_name
from migrations_app.words.controls import controls, values

router = Router(tags=["migrations"])


@router.post(
    "/migrations/{migration_id}/orders",
    response={202: OrderOut, **COMMON, 409: OtherState},
    summary="Give a running migration an order",
)
def give(request: HttpRequest, migration_id: int, payload: OrderIn) -> object:
    """202 means that the request is recorded; `state` says what came of it. 409: it is too late, or this migration does
    not offer the order."""
    try:
        order = order_by_name(
            _migration(request, migration_id),
            payload.what,
            by=person(request),
            value=payload.value,
            reason=payload.reason,
            idempotency_key=payload.idempotency_key,
        )
    except (NotOffered, TooLate) as late:
        raise ProblemError(409, str(late), state=late.migration.state) from None
    return Status(202, order)


@router.get(
    "/migrations/{migration_id}/orders",
    response={200: Listed[OrderOut], **COMMON},
    summary="List the orders to a migration, oldest first",
)
def list_orders(request: HttpRequest, migration_id: int, page: Query[Page]) -> object:
    items, following = paged(orders_of(_migration(request, migration_id)), page)
    return {"items": items, "next": following}


@router.get(
    "/migrations/{migration_id}/orders/{order_id}",
    response={200: OrderOut, **COMMON},
    summary="Get an order to a migration",
)
def get_order(request: HttpRequest, migration_id: int, order_id: int) -> object:
    return get_object_or_404(orders_of(_migration(request, migration_id)), pk=order_id)


@router.get(
    "/migrations/{migration_id}/controls",
    response={200: ControlsOut, **COMMON},
    summary="List what can be changed while a migration runs",
)
def list_controls(request: HttpRequest, migration_id: int) -> object:
    migration = _migration(request, migration_id)
    return {"values": values(migration), "offered": controls(migration)}


def _migration(request: HttpRequest, pk: int) -> Migration:
    require(request.user, Right.SEE)
    migration: Migration = get_object_or_404(whole_rows(request.user), pk=pk)
    return migration
