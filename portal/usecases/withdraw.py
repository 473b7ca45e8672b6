"""Who asked, or a lead of the team, no longer wants it. A migration that has begun is cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from kvmweb.accounts.permissions import Denied, Right, require, teams_of
from kvmweb.accounts.roles import Role
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated
from migrations_app import ledger as migrations
from migrations_app.domain.lifecycle import NOT_STARTED, State
from migrations_app.models import Migration
from migrations_app.usecases.errors import TooLate as MigrationEnded
from migrations_app.usecases.give_order import record_cancel
from portal import ledger
from portal.domain.states import NOT_BEGUN, RequestState
from portal.models import Request
from portal.usecases.errors import TooLate

if TYPE_CHECKING:
    from django.contrib.auth.models import User

UNTOUCHED = "The VM was not touched: its team withdrew the request."


def withdraw(request: Request, *, by: User, reason: str = "") -> Request:
    """Before its migration has begun it ends at once; a running migration is told to stop, and the request ends with
    it. A second time changes nothing. Raises PermissionDenied, TooLate."""
    require_owner(by, request)
    with transaction.atomic():
        # the migration first, as everywhere: its worker may be writing to both
        list(Migration.objects.select_for_update().filter(request_of_team=request.pk))
        row = Request.objects.select_for_update(of=("self",)).select_related("migration").get(pk=request.pk)
        if row.state in NOT_BEGUN:
            _tell(row, by, "withdrew the request.", reason)
            text = f"Withdrawn by {isolated(by.get_username())}. The VM was not touched."
            ledger.change(row.pk, NOT_BEGUN, RequestState.WITHDRAWN, text)
            if row.migration_id is not None:
                migrations.end_by_person(
                    row.migration_id, states=sorted(NOT_STARTED), new=State.CANCELLED, text=UNTOUCHED
                )
        elif row.state == RequestState.MOVING and row.migration is not None:
            _cancel(row, by, reason)
        elif row.state != RequestState.WITHDRAWN:
            raise TooLate(row)
    request.refresh_from_db()
    return request


def require_owner(by: User, request: Request) -> None:
    """Raises PermissionDenied."""
    require(by, Right.ASK, request)
    asked_it = request.asked_by_id == by.pk and request.team_id in teams_of(by)
    if not asked_it and request.team_id not in teams_of(by, {Role.LEAD}):
        raise Denied("Only the person who asked and the team's lead may withdraw a request.", shown=True)


def _cancel(row: Request, by: User, reason: str) -> None:
    """Whether it is in time shows at its end. Only the migration of this very request."""
    migration = row.migration
    assert migration is not None
    if migration.orders.filter(what="cancel", asked_by=by).exists():
        return
    try:
        record_cancel(migration, by=by, reason=reason)
    except MigrationEnded:
        row.refresh_from_db()
        raise TooLate(row) from None
    _tell(row, by, "withdrew the request while the VM was migrating.", reason)
    text = f"{isolated(by.get_username())} withdrew the request: the migration is being cancelled."
    ledger.change(row.pk, [RequestState.MOVING], RequestState.MOVING, text)


def _tell(row: Request, by: User, did: str, reason: str) -> None:
    text = f"{isolated(by.get_username())} {did}"
    writer.write(writer.request_topic(row.pk), EntryKind.ACTION, text, actor=by, reason=reason)
