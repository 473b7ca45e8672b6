"""Teams in the API: who belongs to one, and which VMs are theirs; and what the token itself may do."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status
from pydantic import ConfigDict

from hosts.reading.teams import person_called, visible_teams, with_all
from hosts.usecases import teams as usecases
from kvmweb.accounts import teams
from kvmweb.accounts.models import Team
from kvmweb.accounts.permissions import Right, grants_of, require
from kvmweb.accounts.teams import OwnedByOther
from kvmweb.web.page import person
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.plain import Plain
from kvmweb.web.problems import COMMON, Problem, ProblemError, located
from migrations_app.reading.guests import guests_seen

router = Router(tags=["teams"])


class _In(Schema):
    model_config = ConfigDict(extra="forbid")

    reason: Plain = Field("", max_length=1000)


class TeamIn(_In):
    """`patterns` are as in a shell, such as `web-*`: a VM that no team owns and whose name matches goes to the team.
    `claims_metadata`: a VM whose definition names the team goes to it."""

    name: Plain = Field(max_length=teams.LONGEST_NAME)
    patterns: list[Plain] = Field([], max_length=teams.MOST_PATTERNS)
    claims_metadata: bool = False


class TeamChangeIn(_In):
    name: Plain | None = Field(None, max_length=teams.LONGEST_NAME)
    patterns: list[Plain] | None = Field(None, max_length=teams.MOST_PATTERNS)
    claims_metadata: bool | None = None


class MemberIn(_In):
    role: Literal["member", "lead"]


class MemberOut(Schema):
    username: str
    role: Literal["member", "lead"]


class OwnedOut(Schema):
    """`name` is empty for a VM that kvmweb has forgotten. `pattern` gave it to the team, or its definition did
    (`by_metadata`), or an admin."""

    uuid: UUID
    name: str
    pattern: str
    by_metadata: bool


class TeamOut(Schema):
    id: int
    name: str
    patterns: list[str]
    claims_metadata: bool
    members: list[MemberOut]
    guests: list[OwnedOut]


class Owner(Problem):
    """`team`: the team that owns the VM."""

    team: int


class GrantOut(Schema):
    """`scope` is empty for everywhere, or names a team, `team:3`, or a group of hosts, `group:5`."""

    role: str
    scope: str


class MeOut(Schema):
    username: str
    roles: list[GrantOut]


@router.get("/me", response={200: MeOut, **COMMON}, summary="Get your own roles")
def get_me(request: HttpRequest) -> object:
    roles = [{"role": role, "scope": scope} for role, scope in sorted(grants_of(request.user))]
    return {"username": person(request).get_username(), "roles": roles}


@router.get("/teams", response={200: Listed[TeamOut], **COMMON}, summary="List teams")
def list_teams(request: HttpRequest, page: Query[Page]) -> object:
    """A lead gets only the teams that they lead."""
    require(request.user, Right.SEE_TEAMS)
    items, following = paged(visible_teams(request.user), page)
    return {"items": with_all(items), "next": following}


@router.post("/teams", response={201: TeamOut, **COMMON}, summary="Create a team", openapi_extra=located(201))
def create_team(request: HttpRequest, payload: TeamIn, response: HttpResponse) -> object:
    team = usecases.create_team(**payload.dict(), by=person(request))
    response["Location"] = f"/api/v1/teams/{team.pk}"
    return Status(201, with_all([team])[0])


@router.get("/teams/{team_id}", response={200: TeamOut, **COMMON}, summary="Get a team")
def get_team(request: HttpRequest, team_id: int) -> object:
    return with_all([_team(request, team_id)])[0]


@router.patch("/teams/{team_id}", response={200: TeamOut, **COMMON}, summary="Change a team")
def change_team(request: HttpRequest, team_id: int, payload: TeamChangeIn) -> object:
    """A VM that only a dropped pattern gave to the team belongs to nobody afterwards."""
    team = _team(request, team_id)
    usecases.change_team(team, by=person(request), **payload.dict())
    return with_all([team])[0]


@router.delete("/teams/{team_id}", response={204: None, **COMMON}, summary="Delete a team")
def delete_team(request: HttpRequest, team_id: int) -> object:
    """Its VMs belong to nobody afterwards."""
    teams.delete_team(_team(request, team_id), by=person(request))
    return Status(204, None)


@router.put(
    "/teams/{team_id}/members/{username}", response={200: MemberOut, **COMMON}, summary="Add or change a member"
)
def set_member(request: HttpRequest, team_id: int, username: str, payload: MemberIn) -> object:
    team, user = _for_admins(request, team_id), _person(username)
    teams.set_member(team, user, payload.role, by=person(request), reason=payload.reason)
    return {"username": user.get_username(), "role": payload.role}


@router.delete("/teams/{team_id}/members/{username}", response={204: None, **COMMON}, summary="Remove a member")
def remove_member(request: HttpRequest, team_id: int, username: str) -> object:
    team = _for_admins(request, team_id)
    if not teams.remove_member(team, _person(username), by=person(request)):
        raise Http404
    return Status(204, None)


@router.put(
    "/teams/{team_id}/guests/{uuid}", response={200: OwnedOut, **COMMON, 409: Owner}, summary="Give a VM to a team"
)
def put_guest(request: HttpRequest, team_id: int, uuid: UUID) -> object:
    """409: an admin gave it to another team. A VM that a pattern gave to another team goes over."""
    team = _for_admins(request, team_id)
    guest = get_object_or_404(guests_seen(request.user), pk=uuid)
    try:
        usecases.give_guest(team, guest, by=person(request))
    except OwnedByOther as owned:
        raise ProblemError(409, str(owned), team=owned.team.pk) from None
    return {"uuid": guest.pk, "name": guest.name, "pattern": "", "by_metadata": False}


@router.delete("/teams/{team_id}/guests/{uuid}", response={204: None, **COMMON}, summary="Take a VM from a team")
def remove_guest(request: HttpRequest, team_id: int, uuid: UUID) -> object:
    """No pattern gives it to a team again."""
    team = _for_admins(request, team_id)
    if not usecases.take_guest(team, uuid, by=person(request)):
        raise Http404
    return Status(204, None)


def _team(request: HttpRequest, team_id: int) -> Team:
    found: Team = get_object_or_404(visible_teams(request.user), pk=team_id)
    return found


def _for_admins(request: HttpRequest, team_id: int) -> Team:
    """A lead sees the team, and must not learn here which users and VMs exist."""
    team = _team(request, team_id)
    require(request.user, Right.MANAGE_TEAMS, team)
    return team


def _person(username: str) -> User:
    found = person_called(username)
    if found is None:
        raise ProblemError(404, "There is no user with this name.")
    return found
