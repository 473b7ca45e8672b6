"""A plan is put before the people who must approve it, and again when it has changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from approvals import ledger
from approvals.domain.decision import ApprovalState
from approvals.domain.plan import Plan, to_ask_again
from approvals.domain.rules import Case, matches
from approvals.models import Approval, Rule
from approvals.words.asking import deciders
from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from hosts.models import Guest
    from kvmweb.accounts.models import Team


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`text` names no host: people of teams read it. `reason` is what `by` wrote."""

    subject: str
    plan: Plan
    guest: Guest
    team: Team | None
    by: User | None
    text: str
    downtime_ms: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose approval. `rule`: its name."""

    rule: str
    role: str
    quorum: int
    expires_hours: int


def ask_approvals(
    *,
    subject: str,
    plan: Plan,
    guest: Guest,
    team: Team | None,
    by: User,
    text: str,
    downtime_ms: int | None,
    reason: str,
    at: datetime | None = None,
) -> list[Approval]:
    """One per rule that matches, [] when none does. Asked again with the same plan it changes nothing; with another
    plan, or when the forecast downtime has doubled, people must decide again. What was asked once stays asked, whatever
    became of its rule. `at`: when the plan is to be carried out, now if left out.
    """
    now = timezone.now()
    case = Case(team=team.pk if team else None, guest=plan.guest, kind=plan.kind, downtime_ms=downtime_ms, at=at or now)
    question = Question(
        subject=subject, plan=plan, guest=guest, team=team, by=by, text=text, downtime_ms=downtime_ms, reason=reason
    )
    with transaction.atomic():
        asked = (_wanted(row) for row in Approval.objects.filter(subject=subject).order_by("id"))
        wanted = {one.rule: one for one in asked}
        wanted |= {rule.name: _wanted_by(rule) for rule in Rule.objects.all() if matches(rule.conditions, case)}
        return [ask(question, one) for one in wanted.values()]


def ask(question: Question, wanted: Wanted, *, anew: bool = False) -> Approval:
    """The approval that stands for this question. One that was denied or has expired is asked again only `anew`."""
    try:
        with transaction.atomic():
            return _ask(question, wanted, anew=anew)
    except IntegrityError:  # somebody asked the same at the same time
        with transaction.atomic():
            return _ask(question, wanted, anew=anew)


def _ask(question: Question, wanted: Wanted, *, anew: bool) -> Approval:
    rows = Approval.objects.select_for_update().filter(subject=question.subject, rule=wanted.rule)
    last: Approval | None = rows.order_by("-id").first()
    if last is None or last.state == ApprovalState.WITHDRAWN or (anew and last.state != ApprovalState.OPEN):
        return _open(question, wanted, question.plan)
    if last.state not in (ApprovalState.OPEN, ApprovalState.APPROVED):
        return last
    plan = to_ask_again(last.plan, last.downtime_ms, question.plan, question.downtime_ms)
    if plan is None:
        return last
    if last.state == ApprovalState.APPROVED:
        return _open(question, wanted, plan, earlier=last.plan)
    same = rows.filter(pk=last.pk, state=ApprovalState.OPEN, plan_hash=last.plan_hash)
    same.update(
        plan=plan.as_json(),
        plan_hash=plan.hash,
        earlier_plan=last.plan,
        downtime_ms=question.downtime_ms,
        text=question.text,
    )
    last.refresh_from_db()
    ledger.note(last, f"The plan has changed: {deciders(last.role, last.quorum)} must approve it as it is now.")
    return last


def _open(question: Question, wanted: Wanted, plan: Plan, *, earlier: dict[str, Any] | None = None) -> Approval:
    made: Approval = Approval.objects.create(
        subject=question.subject,
        guest=question.guest,
        guest_name=question.guest.name,
        team=question.team,
        text=question.text,
        plan=plan.as_json(),
        plan_hash=plan.hash,
        earlier_plan=earlier or {},
        downtime_ms=question.downtime_ms,
        role=wanted.role,
        quorum=wanted.quorum,
        rule=wanted.rule,
        asked_by=question.by,
        asked_by_name=question.by.get_username() if question.by else "",
        reason=question.reason,
        expires_at=timezone.now() + timedelta(hours=wanted.expires_hours),
    )
    ledger.note(made, f"Waits for approval by {deciders(made.role, made.quorum)}: {isolated(made.rule)}.")
    return made


def withdraw_approvals(subject: str) -> None:
    """Nobody wants any more what this subject's open approvals are about."""
    with transaction.atomic():
        for row in Approval.objects.select_for_update().filter(subject=subject, state=ApprovalState.OPEN):
            ledger.end(row, ApprovalState.WITHDRAWN)


def _wanted(row: Approval) -> Wanted:
    hours = round((row.expires_at - row.created_at).total_seconds() / 3600) if row.expires_at else 0
    return Wanted(rule=row.rule, role=row.role, quorum=row.quorum, expires_hours=hours)


def _wanted_by(rule: Rule) -> Wanted:
    return Wanted(rule=rule.name, role=rule.role, quorum=rule.quorum, expires_hours=rule.expires_hours)
