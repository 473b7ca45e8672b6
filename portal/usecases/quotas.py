"""An admin says how much a team may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from kvmweb.accounts import teams
from kvmweb.accounts.permissions import Right, require
from kvmweb.web.plain import isolated
from portal.models import Quota
from portal.reading.quotas import quota_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from kvmweb.accounts.models import Team

_WORDS = {"moves_per_day": "migrations a day", "gib_per_day": "GiB a day", "at_once": "requests at the same time"}


@transaction.atomic
def set_quota(
    team: Team,
    *,
    by: User,
    moves_per_day: int | None = None,
    gib_per_day: int | None = None,
    at_once: int | None = None,
    reason: str = "",
) -> Quota:
    """None: no limit. Raises PermissionDenied."""
    require(by, Right.MANAGE_TEAMS, team)
    wanted = {"moves_per_day": moves_per_day, "gib_per_day": gib_per_day, "at_once": at_once}
    before = quota_of(team)
    if any(getattr(before, name) != limit for name, limit in wanted.items()):
        Quota.objects.update_or_create(team=team, defaults=wanted)
        limits = ", ".join(f"{_WORDS[name]}: {limit}" for name, limit in wanted.items() if limit is not None)
        text = f"set the quota of the team {isolated(team.name)}: {limits or 'no limits'}"
        teams.tell(team, by, text, reason=reason)
    return quota_of(team)
