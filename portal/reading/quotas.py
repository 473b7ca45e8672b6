"""What a team has used of its quota."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum

from kvmweb.accounts.models import Team
from portal.domain.quota import Exceeded, judge
from portal.domain.states import TERMINAL, RequestState
from portal.models import Quota, Request

DAY = timedelta(hours=24)


def quota_of(team: Team) -> Quota:
    """One without limits when none was set."""
    return Quota.objects.filter(team=team).first() or Quota(team=team)


def exceeded(team: Team, *, gib: float, now: datetime) -> list[Exceeded]:
    """By one more request: what is open counts as well as what has begun in the last 24 hours."""
    is_open = ~Q(state__in=TERMINAL)
    rows = Request.objects.filter(is_open | _begun(now), team=team)
    return _judged(team, rows, gib, at_once=is_open)


def exceeded_by_start(request: Request, *, now: datetime) -> list[Exceeded]:
    """If this request's migration begins now, beside the others that have begun."""
    if request.team is None:
        return []
    rows = Request.objects.filter(_begun(now), team=request.team).exclude(pk=request.pk)
    return _judged(request.team, rows, request.gib, at_once=Q(state=RequestState.MOVING))


def _begun(now: datetime) -> Q:
    return Q(state=RequestState.MOVING) | Q(migration__started_at__gt=now - DAY)


def _judged(team: Team, rows: QuerySet[Request], gib: float, *, at_once: Q) -> list[Exceeded]:
    found = rows.aggregate(moves=Count("pk"), gib=Sum("gib"), at_once=Count("pk", filter=at_once))
    quota = quota_of(team)
    return judge(
        {"moves_per_day": quota.moves_per_day, "gib_per_day": quota.gib_per_day, "at_once": quota.at_once},
        {"moves_per_day": found["moves"], "gib_per_day": found["gib"] or 0.0, "at_once": found["at_once"]},
        {"moves_per_day": 1, "gib_per_day": gib, "at_once": 1},
    )
