"""What people in teams see of their teams and VMs. Nothing in these values names a host, an address or a path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, QuerySet, Subquery

from hosts.models import Guest
from hosts.reading.teams import Member, members_of
from hosts.words.badges import run_badge
from kvmweb.accounts.models import Ownership, Team
from kvmweb.accounts.permissions import of_teams, teams_of
from kvmweb.accounts.roles import Role
from kvmweb.ui.badge import Badge
from migrations_app.models import Migration
from migrations_app.reading.guests import listed
from migrations_app.words.portal import migration_badge

if TYPE_CHECKING:
    from uuid import UUID

MOST_GUESTS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnGuest:
    uuid: UUID
    name: str
    team: str
    state: Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTeam:
    """`members` are for those who lead it; empty for others."""

    name: str
    leads: bool
    members: Sequence[Member]


def own_teams(user: Any) -> list[OwnTeam]:
    led = teams_of(user, {Role.LEAD})
    teams = list(Team.objects.filter(pk__in=teams_of(user)))
    members = members_of([team for team in teams if team.pk in led])
    return [OwnTeam(name=team.name, leads=team.pk in led, members=members.get(team.pk, [])) for team in teams]


def own_guests(user: Any) -> list[OwnGuest]:
    """The first MOST_GUESTS that were not forgotten, by name."""
    moving = Migration.objects.active().filter(guest=OuterRef("pk")).values("state")[:1]
    rows: QuerySet[Guest] = listed(of_teams(Guest.objects.all(), user), gone_only=None)
    rows = rows.annotate(migration_state=Subquery(moving)).prefetch_related("sightings__host").order_by("name", "pk")
    guests = list(rows[:MOST_GUESTS])
    owners = dict(Ownership.objects.filter(guest__in=[guest.pk for guest in guests]).values_list("guest", "team__name"))
    return [
        OwnGuest(
            uuid=guest.pk,
            name=guest.name,
            team=owners.get(guest.pk, ""),
            state=migration_badge(guest.migration_state) or run_badge(guest.current_sighting()),
        )
        for guest in guests
    ]
