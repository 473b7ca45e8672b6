"""Quotas of teams in the API."""

from __future__ import annotations

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema
from pydantic import ConfigDict

from hosts.reading.teams import visible_teams
from kvmweb.accounts.models import Team
from kvmweb.accounts.permissions import Right, require
from kvmweb.web.page import person
from kvmweb.web.plain import Plain
from kvmweb.web.problems import COMMON
from portal.api.answers import QuotaOut
from portal.reading.quotas import quota_of
from portal.usecases.quotas import set_quota

router = Router(tags=["portal"])
MOST = 1_000_000


class QuotaIn(Schema):
    """A limit that is left out or null is none."""

    model_config = ConfigDict(extra="forbid", strict=True)

    moves_per_day: int | None = Field(None, ge=0, le=MOST)
    gib_per_day: int | None = Field(None, ge=0, le=MOST)
    at_once: int | None = Field(None, ge=0, le=MOST)
    reason: Plain = Field("", max_length=1000)


@router.get("/teams/{team_id}/quota", response={200: QuotaOut, **COMMON}, summary="Get the quota of a team")
def get_quota(request: HttpRequest, team_id: int) -> object:
    return quota_of(_team(request, team_id))


@router.put("/teams/{team_id}/quota", response={200: QuotaOut, **COMMON}, summary="Set the quota of a team")
def put_quota(request: HttpRequest, team_id: int, payload: QuotaIn) -> object:
    """For admins. It is asked when a request is made, and again before its migration begins."""
    team = _team(request, team_id)
    require(request.user, Right.MANAGE_TEAMS, team)
    return set_quota(team, by=person(request), **payload.dict())


def _team(request: HttpRequest, team_id: int) -> Team:
    found: Team = get_object_or_404(visible_teams(request.user), pk=team_id)
    return found
