"""What people of teams read of their VMs. Nothing in these values names a host, an address or a path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Case, F, IntegerField, OuterRef, QuerySet, Subquery, Value, When

from hosts.models import Guest
from hosts.reading.teams import Member, members_of
from kvmweb.accounts.models import Ownership, Team
from kvmweb.accounts.permissions import of_teams, teams_of
from kvmweb.accounts.roles import Role
from migrations_app.domain.gate import Lane
from migrations_app.domain.lifecycle import IN_FLIGHT, State
from migrations_app.models import Migration
from migrations_app.reading.guests import called, listed, placed
from portal.domain.health import health
from portal.domain.states import TERMINAL as ENDED_REQUESTS
from portal.models import Request
from portal.words.badges import HEALTH_BADGES, REQUEST_BADGES, migration_badge, vm_badge
from portal.words.topics import moving_topic, part_of

if TYPE_CHECKING:
    from kvmweb.ui.badge import Badge

#: what a VM's page lists of its migrations and requests
MOST_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMigration:
    """`by_team`: the team asked for it, not operations. `ended_at` is None while it goes on."""

    badge: Badge
    asked_at: datetime
    ended_at: datetime | None
    downtime_ms: int | None
    by_team: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """Of a VM whose migration is running; `topic` and `revision` make it a live fragment."""

    topic: str
    part: str
    revision: int
    guest: UUID
    percent: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    pk: int
    badge: Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnVm:
    """`site`: "" when no admin has named one."""

    uuid: UUID
    name: str
    team: int
    team_name: str
    state: Badge
    health: Badge
    site: str
    last: PastMigration | None
    request: OpenRequest | None
    moving: Moving | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTeam:
    """`members` are for those who lead it; empty for others."""

    pk: int
    name: str
    leads: bool
    members: Sequence[Member]


def own_teams(user: Any) -> list[OwnTeam]:
    led = teams_of(user, {Role.LEAD})
    teams = list(Team.objects.filter(pk__in=teams_of(user)))
    members = members_of([team for team in teams if team.pk in led])
    return [
        OwnTeam(pk=team.pk, name=team.name, leads=team.pk in led, members=members.get(team.pk, [])) for team in teams
    ]


def own_rows(user: Any, *, words: str = "") -> QuerySet[Guest]:
    """VMs that were not forgotten; with `ended_id`, the last migration that has begun and ended, and `ended_at`."""
    begun = Migration.objects.filter(guest=OuterRef("pk"), started_at__isnull=False, finished_at__isnull=False)
    last = begun.order_by("-id")
    rows = placed(listed(of_teams(Guest.objects.all(), user), gone_only=None))
    found: QuerySet[Guest] = rows.annotate(
        ended_id=Subquery(last.values("pk")[:1]), ended_at=Subquery(last.values("finished_at")[:1])
    )
    return called(found, words) if words else found


def in_order(rows: QuerySet[Guest], key: str) -> QuerySet[Guest]:
    """`key`: name, state, site or last, with "-" before it for the other way round; what is not known comes last."""
    down, name = key.startswith("-"), key.removeprefix("-")
    column = F({"state": "run_state", "site": "here_site", "last": "ended_at"}.get(name, "name"))
    unnamed = Case(When(here_site="", then=Value(1)), default=Value(0), output_field=IntegerField())
    order = column.desc(nulls_last=True) if down else column.asc(nulls_last=True)
    return rows.order_by(*([unnamed] if name == "site" else []), order, "name", "pk")


def own_vm(user: Any, uuid: UUID) -> OwnVm | None:
    return next(iter(own_vms(own_rows(user).filter(pk=uuid))), None)


def own_vms(rows: Iterable[Guest]) -> list[OwnVm]:
    """A fixed number of queries. `rows`: some of `own_rows`."""
    guests = list(rows)
    keys = [guest.pk for guest in guests]
    owners = {
        row.guest: row.team for row in Ownership.objects.filter(guest__in=keys).select_related("team") if row.team
    }
    active = {row.guest_id: row for row in _light(Migration.objects.active().filter(guest__in=keys).shown())}
    ended = _light(Migration.objects.all()).in_bulk([guest.ended_id for guest in guests])  # type: ignore[attr-defined]
    asked = {row.guest_id: row for row in Request.objects.filter(guest__in=keys).exclude(state__in=ENDED_REQUESTS)}
    return [
        _own_vm(guest, owners[guest.pk], active.get(guest.pk), ended.get(guest.ended_id), asked.get(guest.pk))  # type: ignore[attr-defined]
        for guest in guests
        if guest.pk in owners
    ]


def moving_of(team: int) -> list[Moving]:
    """The VMs of a team whose migrations are running."""
    owned = Ownership.objects.filter(team=team).values("guest")
    rows = _light(Migration.objects.filter(guest__in=owned, state__in=IN_FLIGHT).shown())
    return [_moving(row, team) for row in rows]


def migrations_of(uuid: UUID) -> list[PastMigration]:
    """Of a VM that the reader was found to see; the newest first."""
    return [past_of(row) for row in _light(Migration.objects.filter(guest=uuid)).order_by("-id")[:MOST_LISTED]]


def _light(rows: QuerySet[Migration]) -> QuerySet[Migration]:
    """Without what is large and what this page never says."""
    return rows.defer("source_xml", "checkpoints", "findings", "steps", "error", "options")


def _own_vm(
    guest: Guest, team: Team, active: Migration | None, ended: Migration | None, asked: Request | None
) -> OwnVm:
    here = guest.current_sighting()
    migrating = active.state if active else None
    how = health(
        state=here.state if here else None,
        reason=here.reason if here else "",
        fresh=here is not None and here.stale_since is None,
        migration=migrating,
    )
    return OwnVm(
        uuid=guest.pk,
        name=guest.name,
        team=team.pk,
        team_name=team.name,
        state=vm_badge(here, migrating),
        health=HEALTH_BADGES[how],
        site=here.host.group.site if here and here.host.group else "",
        last=past_of(ended) if ended else None,
        request=OpenRequest(pk=asked.pk, badge=REQUEST_BADGES[asked.state]) if asked else None,  # type: ignore[index]
        moving=_moving(active, team.pk) if active and active.state in IN_FLIGHT else None,
    )


def past_of(row: Migration) -> PastMigration:
    return PastMigration(
        badge=migration_badge(row.state),
        asked_at=row.requested_at,
        ended_at=row.finished_at,
        downtime_ms=row.downtime_ms if row.state == State.DONE else None,
        by_team=row.lane == Lane.PORTAL,
    )


def _moving(row: Migration, team: int) -> Moving:
    return Moving(
        topic=moving_topic(team),
        part=part_of(row.guest_id),
        revision=row.revision,  # type: ignore[attr-defined]
        guest=row.guest_id,
        percent=row.progress.get("percent"),
    )
