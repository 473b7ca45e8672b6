"""Teams with their people and VMs, for pages and API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth.models import User

from hosts.models import Guest
from kvmweb.accounts.models import Grant, Ownership, Team
from kvmweb.accounts.roles import OF_TEAMS

if TYPE_CHECKING:
    from django.db.models import QuerySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    username: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedGuest:
    """`name` is "" for a VM that kvmweb has forgotten. `pattern`: what gave it to the team, unless its definition did
    (`by_metadata`), or an admin."""

    uuid: UUID
    name: str
    pattern: str
    by_metadata: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamPage:
    team: Team
    members: Sequence[Member]
    guests: Sequence[OwnedGuest]

    @property
    def id(self) -> int:
        return self.team.pk

    @property
    def name(self) -> str:
        return self.team.name

    @property
    def patterns(self) -> list[str]:
        return list(self.team.patterns)

    @property
    def claims_metadata(self) -> bool:
        return self.team.claims_metadata


def visible_teams(user: Any) -> QuerySet[Team]:
    return Team.objects.visible_to(user)


def with_all(teams: Iterable[Team]) -> list[TeamPage]:
    """Three queries, however many teams."""
    wanted = list(teams)
    members = members_of(wanted)
    owned = Ownership.objects.filter(team__in=wanted)
    names = dict(Guest.objects.filter(pk__in=owned.values("guest")).values_list("pk", "name"))
    guests: dict[int | None, list[OwnedGuest]] = {team.pk: [] for team in wanted}
    for row in owned:
        name = names.get(row.guest, "")
        owned_guest = OwnedGuest(uuid=row.guest, name=name, pattern=row.pattern, by_metadata=row.by_metadata)
        guests[row.team_id].append(owned_guest)
    return [
        TeamPage(
            team=team,
            members=members[team.pk],
            guests=sorted(guests[team.pk], key=lambda guest: (guest.name == "", guest.name, str(guest.uuid))),
        )
        for team in wanted
    ]


def owners_of(guests: Iterable[Guest]) -> dict[UUID, Team]:
    """The team of each VM that has one. One query."""
    rows = Ownership.objects.filter(guest__in=[guest.pk for guest in guests]).exclude(team=None).select_related("team")
    return {row.guest: row.team for row in rows if row.team is not None}


def owned_by(rows: QuerySet[Guest], team: Team) -> QuerySet[Guest]:
    return rows.filter(pk__in=team.owned.values("guest"))


def members_of(teams: Sequence[Team]) -> dict[int, list[Member]]:
    found: dict[str, list[Member]] = {team.scope: [] for team in teams}
    rows = Grant.objects.filter(scope__in=found, role__in=OF_TEAMS).order_by("user__username")
    for username, role, scope in rows.values_list("user__username", "role", "scope"):
        found[scope].append(Member(username=username, role=role))
    return {team.pk: found[team.scope] for team in teams}


def person_called(username: str) -> User | None:
    return User.objects.filter(username=username).first()
