"""What becomes of a request while its migration takes its course, and what migrations ask the portal. Each is called in
a transaction of migrations or approvals, and only uses the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from approvals.models import Approval
from kvmweb.accounts.permissions import teams_of
from kvmweb.queue import enqueue
from kvmweb.web.plain import isolated
from migrations_app.domain.gate import Gate, Go, Lane, Wait
from migrations_app.domain.lifecycle import State
from migrations_app.domain.orders.cancel import ORDER as CANCEL
from migrations_app.models import Migration
from migrations_app.worker.slots import may_begin
from portal import ledger
from portal.domain.quota import quota_words
from portal.domain.states import NOT_BEGUN, RequestState, Wish
from portal.models import Request
from portal.reading.quotas import exceeded_by_start

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from hosts.models import Guest

_COURSE = (RequestState.QUEUED, RequestState.MOVING)
_ATTENTION = "Something went wrong, and operations must look at it. They can say where the VM stands."
NEEDED = "Operations needed this VM. The request ended before its migration began."
_GIB = 1024**3


def quota_gate(migration: Migration) -> Gate:
    """A team may have been given less since it asked, and others of it may have begun."""
    if migration.lane != Lane.PORTAL:
        return Go()
    row = _request_of(migration)
    over = exceeded_by_start(row, now=timezone.now()) if row is not None else []
    return Wait(f"The team's quota is used up. {quota_words(over)}") if over else Go()


def lane_gate(migration: Migration) -> Gate:
    """What operators have in the queue takes a free slot first."""
    if migration.lane != Lane.PORTAL:
        return Go()
    queued = Migration.objects.filter(state=State.QUEUED, lane=Lane.OPERATIONS).select_related("source", "target")
    return Wait("Migrations of operators come first.") if any(map(may_begin, queued)) else Go()


def begun(migration: Migration) -> None:
    row = _request_of(migration)
    if row is None:
        return
    memory = 0 if migration.kind_row.same_host else migration.guest.memory_kib / 1024**2
    disks = sum(disk.get("allocated") or disk.get("size") or 0 for disk in migration.source_disks) / _GIB
    ledger.change(row.pk, [RequestState.QUEUED], RequestState.MOVING, _under_way(migration), gib=memory + disks)


def attention(migration: Migration) -> None:
    """The request goes on: kvmweb looks again until the hosts agree."""
    row = _request_of(migration)
    if row is None:
        return
    needed = migration.state == State.NEEDS_ATTENTION
    text = _ATTENTION if needed else _under_way(migration)
    ledger.change(row.pk, [RequestState.MOVING], RequestState.MOVING, text)


def _under_way(migration: Migration) -> str:
    return "Its disks are being copied." if migration.kind_row.same_host else "The VM is migrating."


def ended(migration: Migration, state: State) -> None:
    row = _request_of(migration)
    if row is None:
        return
    again = Migration.objects.filter(restart_of=migration).first()
    if again is not None:
        text = "The migration is being started again."
        ledger.change(row.pk, _COURSE, RequestState.QUEUED, text, migration=again, look_at=row.not_after)
        return
    new, text = _END[state](row, migration)
    ledger.change(row.pk, _COURSE, new, text)


def wanted(guest: Guest, by: User) -> None:
    """Operations come first; what has begun goes on. The migration is locked first, as everywhere."""
    list(Migration.objects.active().filter(guest=guest, lane=Lane.PORTAL).select_for_update())
    for pk in Request.objects.filter(guest=guest, state__in=NOT_BEGUN).values_list("pk", flat=True):
        ledger.change(pk, NOT_BEGUN, RequestState.WITHDRAWN, NEEDED)


def decided(approval: Approval) -> None:
    """A worker looks what it means. Afterwards, because who plans locks the request first and then its approvals; a
    wake that is lost costs a minute."""
    kind, _, number = approval.subject.partition(":")
    if kind == "request":
        transaction.on_commit(lambda: _wake(int(number)))


def _wake(pk: int) -> None:
    with transaction.atomic():
        if ledger.wake(pk, timezone.now()):
            enqueue("portal.tasks.advance", pk)


def _request_of(migration: Migration) -> Request | None:
    if migration.lane != Lane.PORTAL:
        return None
    found: Request | None = Request.objects.filter(migration=migration).select_related("team").first()
    return found


# --- how it ended, for the team: no host, and none of libvirt's words ------------------------------------------------


def _done(row: Request, migration: Migration) -> tuple[RequestState, str]:
    text = {
        Wish.AWAY: "The VM has migrated.",
        Wish.SITE: f"The VM has migrated to {isolated(row.value)}.",
        Wish.STORAGE: f"The disks of the VM are on {isolated(row.value)} now.",
    }[Wish(row.wish)]
    if migration.downtime_ms is not None:
        text += f" Its downtime was {migration.downtime_ms} ms."
    if _cancelled_by(migration):
        text += " It was too late to stop it."
    return RequestState.DONE, text


def _failed(row: Request, migration: Migration) -> tuple[RequestState, str]:
    if migration.closed_by_name:
        text = "Operations closed this migration by hand. They can say where the VM stands."
    elif migration.call_made:
        text = "The VM did not migrate, and is where it was. Operations can read why."
    else:
        text = "The migration could not begin. The VM was not touched. Operations can read why."
    return RequestState.FAILED, text


def _blocked(row: Request, migration: Migration) -> tuple[RequestState, str]:
    text = "A check right before the migration found an obstacle. The VM was not touched. Operations can read which."
    return RequestState.FAILED, text


def _cancelled(row: Request, migration: Migration) -> tuple[RequestState, str]:
    by = _cancelled_by(migration)
    if by is not None and row.team_id in teams_of(by):
        return RequestState.WITHDRAWN, f"Withdrawn by {isolated(by.get_username())}. The VM is where it was."
    return RequestState.WITHDRAWN, "Operations cancelled the migration. The VM is where it was."


def _cancelled_by(migration: Migration) -> User | None:
    order = migration.orders.filter(what=CANCEL.what).select_related("asked_by").first()
    return order.asked_by if order is not None else None


_END = {State.DONE: _done, State.FAILED: _failed, State.BLOCKED: _blocked, State.CANCELLED: _cancelled}
