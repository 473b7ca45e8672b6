"""What admins do with the VMs of teams."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from hosts.models import Guest
from kvmweb.accounts import claims, teams
from kvmweb.accounts.permissions import Right, require
from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from kvmweb.accounts.models import Team


@transaction.atomic
def give_guest(team: Team, guest: Guest, *, by: User, reason: str = "") -> None:
    """Raises OwnedByOther, PermissionDenied."""
    require(by, Right.MANAGE_TEAMS, team)
    if teams.give(team, guest.pk):
        teams.tell(team, by, f"gave {isolated(guest.name)} to the team {isolated(team.name)}", reason=reason)


@transaction.atomic
def take_guest(team: Team, uuid: UUID, *, by: User, reason: str = "") -> bool:
    """Also a VM that was forgotten. False: it was not the team's. Raises PermissionDenied."""
    require(by, Right.MANAGE_TEAMS, team)
    guest = Guest.objects.filter(pk=uuid).first()
    taken = teams.take(team, uuid, guest.name if guest else "", named=guest.team_named if guest else "")
    if taken:
        teams.tell(
            team,
            by,
            f"took {isolated(guest.name) if guest else uuid} from the team {isolated(team.name)}",
            reason=reason,
        )
    return taken


@transaction.atomic
def create_team(
    name: str, patterns: Iterable[str] = (), *, by: User, claims_metadata: bool = False, reason: str = ""
) -> Team:
    """Raises TeamRefused, PermissionDenied."""
    team = teams.create_team(name, by=by, reason=reason)
    _set_patterns(team, patterns, by=by, reason="")
    _set_claims(team, claims_metadata, by=by, reason="")
    return team


@transaction.atomic
def change_team(
    team: Team,
    *,
    by: User,
    name: str | None = None,
    patterns: Iterable[str] | None = None,
    claims_metadata: bool | None = None,
    reason: str = "",
) -> None:
    """None: stays. Raises TeamRefused, PermissionDenied."""
    require(by, Right.MANAGE_TEAMS, team)
    if name is not None:
        teams.rename_team(team, name, by=by, reason=reason)
        _settle()
    if patterns is not None:
        _set_patterns(team, patterns, by=by, reason=reason)
    if claims_metadata is not None:
        _set_claims(team, claims_metadata, by=by, reason=reason)


def _set_claims(team: Team, allowed: bool, *, by: User, reason: str) -> None:
    if teams.set_claims(team, allowed):
        may = "may" if allowed else "may no longer"
        teams.tell(team, by, f"decided that definitions {may} give VMs to {isolated(team.name)}", reason=reason)
        _settle()


def _settle() -> None:
    """A team has another name, or another rule for what definitions say."""
    claims.settle(dict(Guest.objects.exclude(team_named="").values_list("pk", "team_named")))
    teams.claim(dict(Guest.objects.values_list("pk", "name")))


def _set_patterns(team: Team, patterns: Iterable[str], *, by: User, reason: str) -> None:
    """VMs that nobody owns and that match go to the team at once."""
    if teams.set_patterns(team, patterns):
        now = ", ".join(map(isolated, team.patterns)) or "none"
        teams.tell(team, by, f"changed the name patterns of the team {isolated(team.name)}: {now}", reason=reason)
        teams.claim(dict(Guest.objects.values_list("pk", "name")))
