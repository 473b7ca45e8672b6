"""Hours of each day in which a VM is not to be disturbed, such as 08:00-18:00; they may pass midnight. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from approvals.domain.rules import read_hours
from portal.domain.windows import Span

_DAY = 24 * 60


def quiet_span(hours: str, time_zone: str, begins: datetime, ends: datetime) -> Span | None:
    """The first of the quiet hours that overlap this time; at `begins` itself even when `ends` is the same moment.
    Wall times, as in windows. Raises BadHours."""
    if not hours:
        return None
    zone = ZoneInfo(time_zone)
    first, last = read_hours(hours)
    last += 0 if last > first else _DAY
    day = begins.astimezone(zone).date() - timedelta(days=1)
    while (span := Span(_at(day, first, zone), _at(day, last, zone))).begins <= ends:
        if overlaps(span, begins, ends):
            return span
        day += timedelta(days=1)
    return None


def overlaps(span: Span, begins: datetime, ends: datetime) -> bool:
    """Ends that only touch do not; a moment within does."""
    return span.begins < max(ends, begins + timedelta(microseconds=1)) and span.ends > begins


def _at(day: date, minute: int, zone: ZoneInfo) -> datetime:
    day += timedelta(days=minute // _DAY)
    return datetime.combine(day, time(minute % _DAY // 60, minute % 60), zone).astimezone(UTC)
