"""Four eyes: an unsafe migration, or closing one by hand, waits until another admin agrees. Off by default, because an
installation may have one admin. Who cannot wait breaks the glass: it goes on at once, and all admins are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from approvals.domain.decision import ApprovalState
from approvals.domain.plan import Plan, findings_of
from approvals.domain.subject import CLOSING, MIGRATION, migration_of
from approvals.models import Approval, BrokenGlass, FourEyes, Vote
from approvals.usecases.ask import Question, Wanted, ask, withdraw_approvals
from kvmweb.accounts.models import Team
from kvmweb.accounts.permissions import Right, require
from kvmweb.accounts.roles import Role
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated
from migrations_app.domain.gate import Gate, Go, Later, Refuse, Wait
from migrations_app.models import Migration
from migrations_app.usecases.close_migration import close_agreed

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from migrations_app.domain.lifecycle import State

#: an admin other than the one who asked; what hosts report is old after a day
_ANOTHER = Wanted(rule="Four eyes", role=Role.ADMIN, quorum=1, expires_hours=24)
_WAITS = "Waiting until another admin approves it, because it is unsafe."


def four_eyes() -> FourEyes:
    return FourEyes.objects.order_by("pk").first() or FourEyes()


@transaction.atomic
def set_four_eyes(*, unsafe: bool, closing: bool, by: User, reason: str = "") -> FourEyes:
    """Raises PermissionDenied."""
    require(by, Right.MANAGE_APPROVALS)
    row: FourEyes = FourEyes.objects.select_for_update().order_by("pk").first() or FourEyes()
    if (row.unsafe, row.closing) != (unsafe, closing):
        row.unsafe, row.closing = unsafe, closing
        row.save()
        on = {"unsafe migrations": unsafe, "closing by hand": closing}
        states = ", ".join(f"{what} {'on' if is_on else 'off'}" for what, is_on in on.items())
        text = f"{isolated(by.get_username())} set four eyes: {states}"
        body = {"unsafe": unsafe, "closing": closing}
        writer.write(writer.APPROVALS, EntryKind.ACTION, text, body=body, actor=by, reason=reason)
    return row


# --- unsafe migrations -----------------------------------------------------------------------------------------------


def requested(migration: Migration, by: User, break_glass: str) -> None:
    """In the transaction that records the migration."""
    if break_glass.strip() and migration.request.options.unsafe and four_eyes().unsafe:
        _break(f"{MIGRATION}{migration.pk}", migration, by, break_glass)


def gate(migration: Migration) -> Gate:
    """Other admins are asked once the first check has ended: what they approve has its findings."""
    if not migration.request.options.unsafe or not four_eyes().unsafe:
        return Go()
    subject = f"{MIGRATION}{migration.pk}"
    if BrokenGlass.objects.filter(subject=subject).exists():
        return Go()
    if not migration.verdict:
        return Wait(_WAITS)
    text = f"Migrate {isolated(migration.guest_name)} although it is unsafe: without libvirt's storage checks"
    asked = ask(_question(subject, migration, migration.requested_by, text, migration.reason), _ANOTHER)
    if asked.state_now is ApprovalState.APPROVED:
        return Go()
    if asked.state_now is ApprovalState.DENIED:
        deny = Vote.objects.filter(approval=asked).order_by("-id").first()
        return Refuse(f"{isolated(deny.by_name)} denied it." if deny else "It was denied.")
    if asked.state_now is ApprovalState.EXPIRED:
        return Refuse("No other admin approved it in time.")
    return Wait(_WAITS)


# --- closing by hand -------------------------------------------------------------------------------------------------


def closing(migration: Migration, by: User, reason: str, break_glass: str) -> Later | None:
    """In the transaction that would close it. The wish is written down, and carried out when another admin approves."""
    if not four_eyes().closing:
        return None
    subject = f"{CLOSING}{migration.pk}"
    if break_glass.strip():
        _break(subject, migration, by, break_glass)
        withdraw_approvals(subject)
        return None
    last = Approval.objects.filter(subject=subject).order_by("-id").first()
    if last is not None and last.state_now is ApprovalState.OPEN and last.asked_by_id == by.pk:
        return _later(last)  # the wish stands as it was written down
    withdraw_approvals(subject)
    text = f"Close the migration of {isolated(migration.guest_name)} by hand"
    question = _question(subject, migration, by, text, reason.strip())
    return _later(ask(question, _ANOTHER, anew=True))


def _later(asked: Approval) -> Later:
    sentence = "Four eyes: it is closed as soon as another admin approves it."
    return Later(sentence=sentence, approval=asked.pk)


def decided(approval: Approval) -> None:
    """In the transaction that decides it."""
    pk = migration_of(approval.subject)
    if pk is None or not approval.subject.startswith(CLOSING) or approval.state != ApprovalState.APPROVED:
        return
    vote = approval.votes.select_related("by").latest("id")
    migration = Migration.objects.get(pk=pk)
    close_agreed(migration, wished_by=approval.asked_by_name, reason=approval.reason, by=vote.by)


def ended(migration: Migration, state: State) -> None:
    """In the transaction that ends it: nobody need decide about it any more."""
    for before in (MIGRATION, CLOSING):
        withdraw_approvals(f"{before}{migration.pk}")


def _question(subject: str, migration: Migration, by: User | None, text: str, reason: str) -> Question:
    plan = Plan(
        guest=str(migration.guest_id),
        kind=migration.kind,
        options=migration.options,
        source=migration.source_id,
        target=migration.target_id,
        findings=findings_of(migration.findings),
        about=f"close: {reason}" if subject.startswith(CLOSING) else "",
    )
    team = Team.objects.filter(owned__guest=migration.guest_id).first()
    return Question(subject=subject, plan=plan, guest=migration.guest, team=team, by=by, text=text, reason=reason)


def _break(subject: str, migration: Migration, by: User, reason: str) -> None:
    name = by.get_username()
    _, made = BrokenGlass.objects.get_or_create(
        subject=subject,
        defaults={"guest_name": migration.guest_name, "by": by, "by_name": name, "reason": reason.strip()},
    )
    if made:
        text = f"Alarm: {isolated(name)} did not wait for another admin (four eyes)."
        body = {"alarm": True, "subject": subject}
        writer.write(migration.topic, EntryKind.ACTION, text, body=body, actor=by, reason=reason.strip())
        writer.signal(writer.MIGRATIONS)
