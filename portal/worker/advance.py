"""What becomes of a request until its migration is recorded. The row decides: a task only means "look at it", and may
arrive twice. Who looks has a claim (portal/ledger.py), and writes what it found and what follows in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from approvals.domain.decision import ApprovalState, Ballot
from approvals.models import Approval, Vote
from approvals.reading.approvals import standing
from approvals.usecases.ask import ask_approvals
from hosts import gateway
from kvmweb.accounts.models import Ownership
from kvmweb.accounts.permissions import teams_of
from kvmweb.journal.writer import request_topic
from kvmweb.queue import Detached
from kvmweb.web.plain import isolated
from migrations_app import ledger as migrations
from migrations_app.domain.gate import Gate, Go, Lane, Refuse, Wait
from migrations_app.domain.lifecycle import NOT_STARTED, State
from migrations_app.models import Migration
from migrations_app.usecases.errors import AlreadyMoving, RequestRefused
from migrations_app.usecases.request_migration import record_migration
from migrations_app.worker.run_preflight import Connect
from portal import ledger
from portal.domain.quota import quota_words
from portal.domain.states import RequestState
from portal.ledger import Claim, LostRequest
from portal.models import Request
from portal.reading.quotas import exceeded_by_start
from portal.reading.times import may_start
from portal.usecases.ask import wish_words
from portal.worker.planning import NoPlan, Planned, make_plan

if TYPE_CHECKING:
    from django.contrib.auth.models import User

log = logging.getLogger(__name__)

#: for what nobody tells: it is looked at again
AGAIN = timedelta(seconds=60)
BUSY_AGAIN = timedelta(seconds=15)
EXPIRED = "It could not begin before its latest time. The VM was not touched."
NOBODY_APPROVED = "Nobody approved it in time. The VM was not touched."
WAITS_FOR_APPROVAL = "It waits for approval."
SLOT = "The migration is queued: it begins when there is room."
ERROR = "An internal error: this request could not be planned. Operations can read the cause in kvmweb's log."


def advance(pk: int, *, connect: Connect = gateway.connect) -> None:
    """Do what is due; a second delivery finds it claimed, or not due, and does nothing."""
    held = ledger.claim(pk, timezone.now())
    if held is None:
        return
    try:
        _Look(held, connect).run()
    except LostRequest as lost:
        log.info("%s", lost)
    except Detached:
        ledger.release(held, timezone.now())
        raise
    except Exception:
        log.exception("request %s: the worker failed", pk)
        _settle(held, RequestState.FAILED, ERROR)


def _settle(held: Claim, state: RequestState, text: str, **fields: Any) -> None:
    try:
        with transaction.atomic():
            ledger.settle(held, state, text, **fields)
    except LostRequest as lost:
        log.info("%s", lost)


class _Look:
    """One look at a request. `_seen`: what the plan adds to the row, whatever becomes of it."""

    def __init__(self, held: Claim, connect: Connect) -> None:
        self.held = held
        self.connect = connect
        self.topic = request_topic(held.pk)
        self.row: Request = Request.objects.select_related("team", "guest", "asked_by").get(pk=held.pk)
        self._seen: dict[str, Any] = {}

    def run(self) -> None:
        row, now = self.row, timezone.now()
        if row.migration_id is not None:
            self._expire_queued(row.migration_id, now)
            return
        with transaction.atomic():
            if self._ends(now) or (row.plan and self._waits(now, self._when(now, row.forecast))):
                return
        by = row.asked_by
        assert by is not None  # else it has ended
        plan = make_plan(row, by, self.connect)
        with transaction.atomic():
            self._decide(plan, by)

    def _decide(self, plan: Planned | NoPlan, by: User) -> None:
        """One transaction. The row is locked first: operations may want the VM at this moment."""
        ledger.lock(self.held)
        row, now = self.row, timezone.now()
        self._seen = {"choice": plan.choice}
        if isinstance(plan, NoPlan):
            self._become(RequestState.FAILED, plan.text)
            return
        self._seen |= {"plan": plan.plan.as_json(), "forecast": plan.forecast}
        when = self._when(now, plan.forecast)
        if isinstance(when, Refuse):
            self._become(RequestState.FAILED, when.sentence)
            return
        ask_approvals(
            subject=self.topic,
            plan=plan.plan,
            guest=row.guest,
            team=row.team,
            by=by,
            text=f"{isolated(row.guest_name)} migrates {wish_words(row.wish, row.value)}.",
            downtime_ms=plan.forecast.get("downtime_high_ms"),
            reason=row.reason,
            at=when.until if isinstance(when, Wait) else None,
        )
        if self._ends(now) or self._waits(now, when):
            return
        if over := exceeded_by_start(row, now=now):
            self._wait(now + AGAIN, f"{quota_words(over)} It begins when there is room.")
            return
        self._begin(plan, by, now)

    def _begin(self, plan: Planned, by: User, now: datetime) -> None:
        row = self.row
        try:
            migration, _ = record_migration(
                by=by, guest=row.guest, request=plan.request, reason=row.reason, lane=Lane.PORTAL
            )
        except AlreadyMoving:
            self._wait(now + BUSY_AGAIN, "The VM is migrating for operations. This request comes afterwards.")
            return
        except RequestRefused:
            # the VM or its hosts have changed since they were read
            self._wait(now + BUSY_AGAIN, "The VM has just changed. It is looked at again.")
            return
        self._become(RequestState.QUEUED, SLOT, migration=migration, look_at=row.not_after)

    def _ends(self, now: datetime) -> bool:
        """Whether it has ended without a migration."""
        row, said = self.row, standing(self.topic)
        if not may_still_ask(row):
            text = f"{isolated(row.asked_by_name)} may no longer ask for this VM. It was not touched."
            self._become(RequestState.WITHDRAWN, text)
        elif row.not_after is not None and row.not_after <= now:
            self._become(RequestState.EXPIRED, EXPIRED)
        elif said is ApprovalState.DENIED:
            self._become(RequestState.DENIED, _denied(self.topic))
        elif said is ApprovalState.EXPIRED:
            self._become(RequestState.EXPIRED, NOBODY_APPROVED)
        else:
            return False
        return True

    def _waits(self, now: datetime, when: Gate) -> bool:
        """For people first, then for its time; one that never comes ends it."""
        if standing(self.topic) is ApprovalState.OPEN:
            self._become(RequestState.WAITING_APPROVAL, WAITS_FOR_APPROVAL, look_at=now + AGAIN)
        elif isinstance(when, Refuse):
            self._become(RequestState.FAILED, when.sentence)
        elif isinstance(when, Wait):
            self._wait(when.until or now + AGAIN, when.sentence)
        else:
            return False
        return True

    def _when(self, now: datetime, forecast: Mapping[str, Any]) -> Gate:
        """The sentences are for the team."""
        row = self.row
        begins = max(row.not_before or now, now)
        takes, downtime = forecast.get("high_ms"), forecast.get("downtime_high_ms")
        said = may_start(row.team, row.guest, begins, takes, downtime)
        if isinstance(said, Go) and begins > now:
            return Wait(f"It begins at {begins:%Y-%m-%d %H:%M} UTC at the earliest.", begins)
        return said

    def _wait(self, until: datetime, text: str) -> None:
        self._become(RequestState.WAITING_WINDOW, text, look_at=until)

    def _become(self, state: RequestState, text: str, **fields: Any) -> None:
        ledger.settle(self.held, state, text, **self._seen, **fields)

    def _expire_queued(self, migration: int, now: datetime) -> None:
        """Its migration has not begun in time. The migration is locked first, as everywhere."""
        if self.row.not_after is None or self.row.not_after > now:
            return
        with transaction.atomic():
            Migration.objects.select_for_update().get(pk=migration)
            self._become(RequestState.EXPIRED, EXPIRED)
            migrations.end_by_person(migration, states=sorted(NOT_STARTED), new=State.CANCELLED, text=EXPIRED)


def may_still_ask(row: Request) -> bool:
    """Teams, their people and their VMs change while a request waits."""
    by = row.asked_by
    if by is None or row.team is None or row.team_id not in teams_of(by):
        return False
    return Ownership.objects.filter(guest=row.guest_id, team=row.team).exists()


def _denied(topic: str) -> str:
    """By whom and why, in their words."""
    denied = Approval.objects.filter(subject=topic, state=ApprovalState.DENIED).order_by("pk").last()
    vote = Vote.objects.filter(approval=denied, vote=Ballot.DENY).order_by("pk").last()
    if vote is None:
        return "Denied. The VM was not touched."
    return f"Denied by {isolated(vote.by_name)}{f': {isolated(vote.comment)}' if vote.comment else '.'}"
