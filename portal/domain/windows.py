"""Windows: recurring times in which migrations of the portal may run, and the first time at which one fits. Pure.

A rule (RFC 5545) says local wall times: 01:00 stays 01:00 when the clocks change. A time that the clocks skip begins as
much later; one that comes twice begins the first time. A window is open for so many minutes that pass, whatever
the clocks do.

Rules are bounded when they are read: they repeat by days at least, have no end, and open some day. So a search ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from heapq import merge
from itertools import groupby
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

#: nobody looks farther ahead
HORIZON = timedelta(days=400)
#: a migration of which nobody knows how long it takes needs so much time
UNKNOWN_TAKES = timedelta(minutes=15)
LONGEST_MINUTES = 7 * 24 * 60
#: every second week, and the like, is counted from here: a Monday
FIRST = date(2024, 1, 1)
_MOST_TIMES = 48
_MOST_INTERVAL = 12
_DAY = "(MO|TU|WE|TH|FR|SA|SU)"
_PARTS = {
    "FREQ": "DAILY|WEEKLY|MONTHLY|YEARLY",
    "INTERVAL": r"\d{1,2}",
    "BYMONTH": r"[1-9]|1[0-2]",
    "BYMONTHDAY": r"-?([1-9]|[12]\d|3[01])",
    "BYDAY": f"([+-]?[1-5])?{_DAY}",
    "BYHOUR": r"\d|1\d|2[0-3]",
    "BYMINUTE": r"\d|[1-5]\d",
    "WKST": _DAY,
}
_LISTS = frozenset(one for one in _PARTS if one.startswith("BY"))
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class BadRule(ValueError):
    """The message says why, for who has written the rule."""


@dataclass(frozen=True, slots=True)
class Span:
    begins: datetime
    ends: datetime


#: the closed span that overlaps this time, None when there is none
Blocks = Callable[[datetime, datetime], Span | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A window; `rule` was read by `read_rule`."""

    rule: str
    time_zone: str
    minutes: int


@lru_cache(maxsize=256)
def read_rule(text: str) -> str:
    """The rule with what it leaves out: a day is the first one of its period, a time is midnight. Raises BadRule."""
    parts: dict[str, list[str]] = {}
    for part in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, _, value = part.partition("=")
        if name not in _PARTS:
            raise BadRule(f'A rule of a window has no part "{name[:20]}". It has {", ".join(_PARTS)}.')
        values = value.split(",") if name in _LISTS else [value]
        if name in parts or not all(re.fullmatch(_PARTS[name], one, re.ASCII) for one in values):
            raise BadRule(f"{name} cannot be read.")
        parts[name] = list(dict.fromkeys(values))
    if "FREQ" not in parts:
        raise BadRule("FREQ is missing: DAILY, WEEKLY, MONTHLY or YEARLY.")
    _complete(parts)
    _check(parts)
    return ";".join(f"{name}={','.join(values)}" for name, values in parts.items())


def first_fit(openings: Sequence[Opening], closed: Blocks, now: datetime, takes: timedelta) -> datetime | None:
    """The first time, not before `now`, at which something that takes so long is over before the openings end, and
    before anything closed begins. Without openings it is always open. None: not within HORIZON."""
    begins: datetime | None = now
    while begins is not None and begins <= now + HORIZON:
        begins = _open(openings, begins, now + HORIZON, takes) if openings else begins
        if begins is None:
            return None
        block = closed(begins, begins + takes)
        if block is None:
            return begins
        begins = max(block.ends, begins + timedelta(seconds=1))
    return None


def next_openings(opening: Opening, now: datetime, most: int = 3) -> list[Span]:
    """The one that is open now, and those that follow."""
    found: list[Span] = []
    for span in spans(opening, now):
        if span.begins > now + HORIZON or len(found) == most:
            break
        found.append(span)
    return found


def spans(opening: Opening, since: datetime) -> Iterator[Span]:
    """Those that are not over by `since`, in their order, without end."""
    zone, lasts = ZoneInfo(opening.time_zone), timedelta(minutes=opening.minutes)
    # two days: what the clocks and the zone may make of a wall time
    first = (since - lasts).astimezone(UTC).date() - timedelta(days=2)
    times = iter(rrulestr(opening.rule, dtstart=datetime.combine(_start(opening.rule, first), time())))
    for _, of_day in groupby(times, key=lambda one: one.date()):
        for begins in sorted(one.replace(tzinfo=zone).astimezone(UTC) for one in of_day):
            if begins + lasts > since:
                yield Span(begins, begins + lasts)


def _open(openings: Sequence[Opening], since: datetime, until: datetime, takes: timedelta) -> datetime | None:
    """As first_fit; windows that follow each other without a gap are one."""
    begins = ends = since
    for span in merge(*(spans(one, since) for one in openings), key=lambda one: one.begins):
        if span.begins > until:
            break
        if span.begins > ends:
            begins = span.begins
        ends = max(ends, span.ends)
        if ends - begins >= takes:
            return begins
    return None


def _complete(parts: dict[str, list[str]]) -> None:
    freq = parts["FREQ"][0]
    if freq == "WEEKLY":
        parts.setdefault("BYDAY", ["MO"])
    if freq == "YEARLY" and parts.keys().isdisjoint(("BYMONTH", "BYMONTHDAY", "BYDAY")):
        parts["BYMONTH"] = ["1"]
    if freq in ("MONTHLY", "YEARLY") and "BYDAY" not in parts:
        parts.setdefault("BYMONTHDAY", ["1"])
    parts.setdefault("BYHOUR", ["0"])
    parts.setdefault("BYMINUTE", ["0"])
    parts["BYSECOND"] = ["0"]


def _check(parts: dict[str, list[str]]) -> None:
    """Raises BadRule for a rule that may never open, or too often."""
    freq, interval = parts["FREQ"][0], int(parts.get("INTERVAL", ["1"])[0])
    counted = {len(day) > len("MO") for day in parts.get("BYDAY", ())}
    days = [abs(int(one)) for one in parts.get("BYMONTHDAY", ())]
    months = [int(one) for one in parts.get("BYMONTH", ())] or range(1, 13)
    if not 1 <= interval <= _MOST_INTERVAL:
        raise BadRule(f"INTERVAL is 1 to {_MOST_INTERVAL}.")
    if interval > 1 and ("BYMONTH" in parts or (freq == "DAILY" and ("BYDAY" in parts or days))):
        raise BadRule("INTERVAL together with these days or months may never open.")
    if True in counted and (freq != "MONTHLY" or days or False in counted):
        raise BadRule("Days such as 1SU or -1FR are for FREQ=MONTHLY, without others and without BYMONTHDAY.")
    if days and freq == "WEEKLY":
        raise BadRule("BYMONTHDAY is not for FREQ=WEEKLY.")
    if days and min(days) > max(_DAYS[month - 1] for month in months):
        raise BadRule("None of these months has such a day.")
    if len(parts["BYHOUR"]) * len(parts["BYMINUTE"]) > _MOST_TIMES:
        raise BadRule(f"A window opens at most {_MOST_TIMES} times a day.")


@lru_cache(maxsize=1024)
def _start(rule: str, day: date) -> date:
    """From where to count so that nothing from this day on is missed: the start of a period that the rule counts."""
    parts = dict(part.split("=") for part in rule.split(";"))
    interval = int(parts.get("INTERVAL", "1"))
    if parts["FREQ"] in ("DAILY", "WEEKLY"):
        step = interval * (7 if parts["FREQ"] == "WEEKLY" else 1)
        # a week may begin on another day than Monday: one step earlier
        return FIRST + timedelta(days=((day - FIRST).days // step - 1) * step)
    if parts["FREQ"] == "YEARLY":
        return date(day.year, 1, 1)
    months = ((day.year - FIRST.year) * 12 + day.month - FIRST.month) // interval * interval
    return date(FIRST.year + months // 12, months % 12 + 1, 1)
