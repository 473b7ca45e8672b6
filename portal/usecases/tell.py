"""People are told by mail what concerns them. Called in the transaction of what is told; the mail leaves after it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.domain.decision import ApprovalState
from approvals.models import Approval
from kvmweb.accounts.models import Grant, Team
from kvmweb.accounts.roles import EVERYWHERE, OF_TEAMS, Role
from kvmweb.journal.writer import request_topic, team_topic
from kvmweb.queue import enqueue
from kvmweb.web.plain import bare, is_plain
from portal.domain.states import TERMINAL, RequestState
from portal.models import Notice, Request
from portal.words.badges import REQUEST_BADGES
from portal.words.topics import REQUEST

if TYPE_CHECKING:
    from django.db.models import QuerySet

_LONGEST_SUBJECT = 150


def tell_team(team: Team, subject: str, text: str) -> None:
    """All of its people. The text names no host."""
    tell(_people(OF_TEAMS, team.scope), subject, text, about=team_topic(team.pk))


def tell_of_request(pk: int, state: RequestState, text: str) -> None:
    """Who asked reads how it ended; those who must approve, that it waits for them."""
    row = Request.objects.select_related("asked_by", "team").get(pk=pk)
    where = {"about": request_topic(pk), "path": f"/portal/requests/{pk}/"}
    subject = f"{row.guest_name}: {REQUEST_BADGES[state].label.lower()}"
    if state in TERMINAL and row.asked_by is not None:
        tell([row.asked_by], subject, _about(row, text), **where)
    elif state == RequestState.WAITING_APPROVAL:
        waits = f"{row.asked_by_name} asked that {row.guest_name} migrates, and waits for your approval."
        deciders = [person for person in _deciders(row) if person.pk != row.asked_by_id]
        tell(deciders, f"{row.guest_name}: waits for your approval", _about(row, waits), **where)


def tell_approved(approval: Approval) -> None:
    """Who asked; how it ends is told by its request."""
    kind, _, name = approval.subject.partition(":")
    if approval.state != ApprovalState.APPROVED or kind != REQUEST or approval.asked_by is None:
        return
    text = f"Your request for {approval.guest_name} was approved. It goes on as soon as it may."
    path = f"/portal/requests/{name}/"
    tell([approval.asked_by], f"{approval.guest_name}: approved", text, about=approval.subject, path=path)


def tell(people: Iterable[User], subject: str, text: str, *, about: str, path: str = "/portal/") -> None:
    """Those with an address; nobody when no mail server is set. A subject is one line, whatever a VM is called."""
    if not settings.EMAIL_HOST:
        return
    line = _one_line(subject)
    link = f"\n\n{settings.KVMWEB.email_url.rstrip('/')}{path}" if settings.KVMWEB.email_url else ""
    for person in people:
        if not person.email or not person.is_active:
            continue
        made = Notice.objects.create(
            to=person, about=about, subject=line, text=f"{text}{link}\n", due_at=timezone.now()
        )
        enqueue("portal.tasks.send_notice", made.pk)


def _about(row: Request, text: str) -> str:
    reason = f"\n\nReason given: {row.reason}" if row.reason else ""
    return f"{text}\n\nVM: {row.guest_name}\nRequested by: {row.asked_by_name}{reason}"


def _one_line(text: str) -> str:
    plain = "".join(character if is_plain(character) else " " for character in bare(text))
    return f"kvmweb: {' '.join(plain.split())}"[:_LONGEST_SUBJECT]


def _deciders(row: Request) -> list[User]:
    found: dict[int, User] = {}
    open_ones = Approval.objects.filter(subject=request_topic(row.pk), state=ApprovalState.OPEN)
    for role in set(open_ones.values_list("role", flat=True)):
        scope = row.team.scope if role == Role.LEAD and row.team else EVERYWHERE
        found |= {person.pk: person for person in _people({role}, scope)}
    return list(found.values())


def _people(roles: Iterable[str], scope: str) -> QuerySet[User]:
    grants = Grant.objects.filter(role__in=list(roles), scope=scope)
    return User.objects.filter(pk__in=grants.values("user")).order_by("username")
