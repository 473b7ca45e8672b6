"""A request as a thread in plain language: what was asked and why, who decided, what came of it. The same for everybody
who sees it: nothing in these values names a host, an address or a path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from approvals.domain.decision import ApprovalState
from approvals.models import Approval, Vote
from kvmweb.journal.models import Entry, EntryKind
from kvmweb.journal.writer import request_topic
from portal.models import Request
from portal.reading.requests import visible_requests
from portal.reading.vms import Moving, PastMigration, moving_of, past_of
from portal.words.badges import APPROVAL_BADGES, REQUEST_BADGES, VOTE_BADGES
from portal.words.deciders import deciders

if TYPE_CHECKING:
    from uuid import UUID

    from kvmweb.ui.badge import Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    badge: Badge
    by: str
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Of the people whom one rule asked."""

    badge: Badge
    whose: str
    expires_at: datetime | None
    ballots: Sequence[Ballot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Of a list of requests."""

    pk: int
    badge: Badge
    guest_name: str
    team_name: str
    by: str
    asked_at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """`row` for what was asked, which never changes, and for where it stands. `said`: its journal."""

    row: Request
    badge: Badge
    team_name: str
    said: Sequence[Entry]
    decisions: Sequence[Decision]
    migration: PastMigration | None
    moving: Moving | None


def lines_of(rows: Iterable[Request]) -> list[Line]:
    return [
        Line(
            pk=row.pk,
            badge=REQUEST_BADGES[row.state],  # type: ignore[index]
            guest_name=row.guest_name,
            team_name=row.team.name if row.team else "",
            by=row.asked_by_name,
            asked_at=row.asked_at,
            text=row.text,
        )
        for row in rows
    ]


def listed_requests(user: Any, *, is_open: bool | None) -> QuerySet[Request]:
    return visible_requests(user, is_open=is_open).select_related("team")


def requests_of(guest: UUID, *, most: int) -> list[Line]:
    """Of a VM that the reader was found to see; the newest first."""
    return lines_of(Request.objects.filter(guest=guest).select_related("team")[:most])


def request_seen(user: Any, pk: int) -> Request | None:
    rows = visible_requests(user).select_related("team", "guest", "migration")
    found: Request | None = rows.filter(pk=pk).first()
    return found


def thread_of(row: Request) -> Thread:
    topic = request_topic(row.pk)
    # notes of approvals name the rule, and whoever wrote its name may have named a host
    said = Entry.objects.filter(topic=topic, kind__in=(EntryKind.ACTION, EntryKind.STATE)).order_by("id")
    running = {one.guest: one for one in moving_of(row.team_id)} if row.team_id and row.migration else {}
    return Thread(
        row=row,
        badge=REQUEST_BADGES[row.state],  # type: ignore[index]
        team_name=row.team.name if row.team else "",
        said=[entry for entry in said if entry.text],
        decisions=_decisions(topic),
        migration=past_of(row.migration) if row.migration and row.migration.started_at else None,
        moving=running.get(row.guest_id) if not row.ended else None,
    )


def _decisions(topic: str) -> list[Decision]:
    asked = list(Approval.objects.filter(subject=topic).order_by("id"))
    votes: dict[int, list[Ballot]] = {one.pk: [] for one in asked}
    for vote in Vote.objects.filter(approval__in=asked):
        ballot = Ballot(badge=VOTE_BADGES[vote.vote], by=vote.by_name, comment=vote.comment, at=vote.at)  # type: ignore[index]
        votes[vote.approval_id].append(ballot)
    return [
        Decision(
            badge=APPROVAL_BADGES[ApprovalState(one.state)],
            whose=deciders(one.role, one.quorum),
            expires_at=one.expires_at,
            ballots=votes[one.pk],
        )
        for one in asked
    ]
