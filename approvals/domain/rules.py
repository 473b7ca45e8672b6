"""Which rules match a plan. Pure; time comes in as a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24):([0-5]\d)")


class BadHours(ValueError):
    """Not a range of hours such as 08:00-18:00."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """None and "" mean any, see approvals.models.Rule."""

    team: int | None = None
    guest: str | None = None
    kind: str = ""
    hours: str = ""
    time_zone: str = "UTC"
    downtime_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is to be done. `at`: when; `downtime_ms` None: not known, which counts as longer than any limit."""

    team: int | None
    guest: str
    kind: str
    downtime_ms: int | None
    at: datetime


def matches(rule: Conditions, case: Case) -> bool:
    """All conditions that are set must hold."""
    return (
        rule.team in (None, case.team)
        and rule.guest in (None, case.guest)
        and rule.kind in ("", case.kind)
        and (not rule.hours or within(rule.hours, rule.time_zone, case.at))
        and (rule.downtime_ms is None or case.downtime_ms is None or case.downtime_ms >= rule.downtime_ms)
    )


def within(hours: str, zone: str, when: datetime) -> bool:
    """Whether this moment is in the hours of its day. What nobody can read any more counts as always: it asks people
    rather than nobody."""
    try:
        begins, ends = read_hours(hours)
        here = when.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return True
    now = here.hour * 60 + here.minute
    return begins <= now < ends if begins < ends else now >= begins or now < ends


def read_hours(text: str) -> tuple[int, int]:
    """Of "22:00-06:00" as minutes of the day; a range may pass midnight. Raises BadHours."""
    found = _HOURS.fullmatch(text)
    if found is None:
        raise BadHours(text)
    begins, ends = (int(found[one]) * 60 + int(found[one + 1]) for one in (1, 3))
    if ends > 24 * 60 or begins == ends:
        raise BadHours(text)
    return begins, ends


def is_zone(name: str) -> bool:
    """Whether this is the name of a time zone such as Europe/Berlin."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return bool(name)
