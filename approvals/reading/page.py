"""An approval as its page and the list show it to one user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from approvals.domain.decision import ApprovalState, Ballot
from approvals.domain.subject import migration_of
from approvals.models import Approval, Vote
from approvals.reading.approvals import counting
from approvals.words.asking import deciders
from approvals.words.badges import STATE_BADGES, VOTE_BADGES
from approvals.words.plan import Change, changes, findings, parts, passed
from hosts.reading.veil import host_names
from kvmweb.accounts.permissions import Right, may
from kvmweb.ui.badge import Badge
from migrations_app.words.badges import SEVERITY_BADGES


@dataclass(frozen=True, slots=True)
class Ballots:
    vote: Vote
    badge: Badge
    counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """`plan`, `findings` and `passed` are empty for people who must not see hosts, and in the list."""

    row: Approval
    badge: Badge
    is_open: bool
    deciders: str
    approved: int
    voted: bool
    votes: Sequence[Ballots] = ()
    changes: Sequence[Change] = ()
    plan: Sequence[tuple[str, str]] = ()
    findings: Sequence[tuple[Badge, str]] = ()
    passed: int = 0
    migration: int | None = None


def shown(row: Approval, user: Any, *, whole: bool = False) -> Shown:
    state, counts = row.state_now, counting(row)
    more: dict[str, Any] = _details(row, user) if whole else {}
    return Shown(
        row=row,
        badge=STATE_BADGES[state],
        is_open=state is ApprovalState.OPEN,
        deciders=deciders(row.role, row.quorum),
        approved=sum(one.vote == Ballot.APPROVE for one in counts),
        voted=any(one.by_id == user.pk for one in counts),
        **more,
    )


def _details(row: Approval, user: Any) -> dict[str, Any]:
    votes = [Ballots(one, VOTE_BADGES[Ballot(one.vote)], one.plan_hash == row.plan_hash) for one in row.votes.all()]
    sees = may(user, Right.SEE, row)
    hosts = host_names(user) if sees else {}
    told = {"votes": votes, "changes": changes(row.earlier_plan, row.plan, hosts, whole=sees)}
    if not sees:
        return told
    found = [(SEVERITY_BADGES[severity], title) for severity, title in findings(row.plan)]
    about = migration_of(row.subject)
    return told | {"plan": parts(row.plan, hosts), "findings": found, "passed": passed(row.plan), "migration": about}
