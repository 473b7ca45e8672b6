"""When a migration of a team may start: windows, blackouts, and what the team wants for the VM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfoNotFoundError

from django.db.models import Q

from migrations_app.domain.gate import Gate, Go, Refuse, Wait
from portal.domain.hours import overlaps, quiet_span
from portal.domain.windows import UNKNOWN_TAKES, Opening, Span, first_fit, read_rule
from portal.models import Blackout, Terms, Window
from portal.words import times as words

if TYPE_CHECKING:
    from hosts.models import Guest
    from kvmweb.accounts.models import Team


def may_start(
    team: Team | None, guest: Guest, now: datetime, forecast_ms: float | None, downtime_ms: int | None = None
) -> Gate:
    """For requests of teams. It must be over in time, too, by forecast: one that is not known counts as UNKNOWN_TAKES.
    The sentences are for the team. A downtime that is not known is within the budget: nothing forecasts that of a VM
    that has never migrated."""
    terms = terms_of(guest)
    if terms.downtime_ms is not None and downtime_ms is not None and downtime_ms > terms.downtime_ms:
        return Refuse(words.too_long_down(downtime_ms, terms.downtime_ms))
    takes = UNKNOWN_TAKES if forecast_ms is None else timedelta(milliseconds=forecast_ms)
    try:
        return _at(_Times.of(team, terms, now), now, takes)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # such as a time zone that this machine has no more
        return Wait(words.UNREADABLE)


def terms_of(guest: Guest) -> Terms:
    """Terms that ask for nothing when none were set."""
    return Terms.objects.filter(pk=guest.pk).first() or Terms(guest=guest)


def opening_of(window: Window) -> Opening:
    """Raises BadRule."""
    return Opening(rule=read_rule(window.rule), time_zone=window.time_zone, minutes=window.minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    openings: Sequence[Opening]
    blackouts: Sequence[Blackout]
    terms: Terms

    @classmethod
    def of(cls, team: Team | None, terms: Terms, now: datetime) -> _Times:
        theirs = Q(team=None) | Q(team=team)
        openings = [opening_of(window) for window in Window.objects.filter(theirs)]
        return cls(openings=openings, blackouts=list(Blackout.objects.filter(theirs, ends__gt=now)), terms=terms)

    def blackout(self, begins: datetime, ends: datetime) -> Blackout | None:
        return next((one for one in self.blackouts if overlaps(Span(one.begins, one.ends), begins, ends)), None)

    def quiet(self, begins: datetime, ends: datetime) -> Span | None:
        return quiet_span(self.terms.quiet_hours, self.terms.time_zone, begins, ends)

    def closed(self, begins: datetime, ends: datetime) -> Span | None:
        blackout = self.blackout(begins, ends)
        return Span(blackout.begins, blackout.ends) if blackout else self.quiet(begins, ends)


def _at(times: _Times, now: datetime, takes: timedelta) -> Gate:
    start = first_fit(times.openings, times.closed, now, takes)
    if start is None:
        return Refuse(words.NO_TIME)
    if start <= now:
        return Go()
    return Wait(words.waits(_why(times, now, takes), start), start)


def _why(times: _Times, now: datetime, takes: timedelta) -> str:
    """What stands against now; of several what is so at this moment comes first."""
    if blackout := times.blackout(now, now):
        return words.blackout_words(blackout)[0]
    if times.quiet(now, now):
        return words.QUIET[0]
    if times.openings and first_fit(times.openings, lambda *_: None, now, timedelta(0)) != now:
        return words.WINDOW[0]
    if blackout := times.blackout(now, now + takes):
        return words.blackout_words(blackout)[1]
    return (words.QUIET if times.quiet(now, now + takes) else words.WINDOW)[1]
