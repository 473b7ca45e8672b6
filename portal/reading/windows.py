"""Windows with their next openings, and blackouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfoNotFoundError

from portal.domain.windows import Span, next_openings
from portal.models import Blackout, Window
from portal.reading.times import opening_of

if TYPE_CHECKING:
    from django.db.models import QuerySet


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowView:
    """`next`: the one that is open now, and those that follow; [] when the rule cannot be read any more."""

    name: str
    team: int | None
    team_name: str
    rule: str
    time_zone: str
    minutes: int
    next: Sequence[Span]


def windows() -> QuerySet[Window]:
    rows: QuerySet[Window] = Window.objects.select_related("team")
    return rows


def blackouts() -> QuerySet[Blackout]:
    rows: QuerySet[Blackout] = Blackout.objects.select_related("team")
    return rows


def window_view(window: Window, now: datetime) -> WindowView:
    return WindowView(
        name=window.name,
        team=window.team_id,
        team_name=window.team.name if window.team else "",
        rule=window.rule,
        time_zone=window.time_zone,
        minutes=window.minutes,
        next=_next(window, now),
    )


def _next(window: Window, now: datetime) -> Sequence[Span]:
    try:
        return next_openings(opening_of(window), now)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return []
