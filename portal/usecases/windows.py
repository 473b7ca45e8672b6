"""An admin says when migrations of the portal may run. What waits for its time is looked at again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from django.db import IntegrityError, transaction
from django.utils import timezone

from approvals.domain.rules import is_zone
from kvmweb.accounts.models import Team
from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import is_plain, isolated
from portal import ledger
from portal.domain.windows import LONGEST_MINUTES, BadRule, read_rule
from portal.models import Blackout, Window
from portal.usecases.errors import AskRefused

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LONGEST_NAME = 100
LONGEST_RULE = 300
#: a search for a time looks at all of them
MOST = 200
#: how far a blackout may be from now
FARTHEST = timedelta(days=5 * 366)


class WindowFields(TypedDict, total=False):
    """See portal.models.Window; what is left out stays. `team`: its number, None for all teams."""

    name: str
    team: int | None
    rule: str
    time_zone: str
    minutes: int


def make_window(fields: WindowFields, *, by: User, reason: str = "") -> Window:
    """Raises PermissionDenied, AskRefused."""
    require(by, Right.MANAGE_WINDOWS)
    if Window.objects.count() >= MOST:
        raise AskRefused("name", f"There are {MOST} windows already.")
    return _save(Window(), fields, by, "made", reason)


def change_window(window: Window, changes: WindowFields, *, by: User, reason: str = "") -> Window:
    """Raises PermissionDenied, AskRefused, Window.DoesNotExist (it has just been removed)."""
    require(by, Right.MANAGE_WINDOWS, window)
    with transaction.atomic():
        row: Window = Window.objects.select_for_update().get(pk=window.pk)
        return _save(row, changes, by, "changed", reason)


@transaction.atomic
def remove_window(window: Window, *, by: User, reason: str = "") -> None:
    """Raises PermissionDenied."""
    require(by, Right.MANAGE_WINDOWS, window)
    content = _content(window)
    if window.delete()[0]:
        _tell(by, f"removed the window {isolated(window.name)}", reason, content)


@transaction.atomic
def make_blackout(
    *, name: str, team: int | None, begins: datetime, ends: datetime, by: User, reason: str = ""
) -> Blackout:
    """Raises PermissionDenied, AskRefused."""
    require(by, Right.MANAGE_WINDOWS)
    now = timezone.now()
    if Blackout.objects.filter(ends__gt=now).count() >= MOST:
        raise AskRefused("name", f"There are {MOST} blackouts already.")
    for field, time in (("begins", begins), ("ends", ends)):
        if abs(time - now) > FARTHEST:
            raise AskRefused(field, "This is more than five years away.")
    if ends <= begins:
        raise AskRefused("ends", "A blackout ends after it begins.")
    if ends <= now:
        raise AskRefused("ends", "This time has passed.")
    made: Blackout = Blackout.objects.create(name=_name(name), team=_team(team), begins=begins, ends=ends)
    _tell(by, f"made the blackout {isolated(made.name)}", reason, _lasts(made))
    return made


@transaction.atomic
def remove_blackout(blackout: Blackout, *, by: User, reason: str = "") -> None:
    """Raises PermissionDenied."""
    require(by, Right.MANAGE_WINDOWS, blackout)
    content = _lasts(blackout)
    if blackout.delete()[0]:
        _tell(by, f"removed the blackout {isolated(blackout.name)}", reason, content)


def _save(window: Window, fields: WindowFields, by: User, did: str, reason: str) -> Window:
    before = _content(window)
    for name, value in _checked(fields).items():
        setattr(window, name, value)
    if window.pk and _content(window) == before:
        return window
    try:
        with transaction.atomic():
            window.save()
            _tell(by, f"{did} the window {isolated(window.name)}", reason, _content(window))
    except IntegrityError:
        raise AskRefused("name", "Another window has this name.") from None
    return window


def _checked(fields: WindowFields) -> dict[str, Any]:
    """Raises AskRefused."""
    values: dict[str, Any] = dict(fields)
    if "name" in values:
        values["name"] = _name(values["name"])
    if "team" in values:
        values["team"] = _team(values["team"])
    if "rule" in values:
        values["rule"] = values["rule"].strip()
        try:
            read_rule(values["rule"])
        except BadRule as bad:
            raise AskRefused("rule", str(bad)) from None
    if not is_zone(values.get("time_zone", "UTC")):
        raise AskRefused("time_zone", "Enter the name of a time zone, such as Europe/Berlin.")
    if not 1 <= values.get("minutes", 1) <= LONGEST_MINUTES:
        raise AskRefused("minutes", f"Enter between 1 and {LONGEST_MINUTES} minutes, which are a week.")
    return values


def _name(name: str) -> str:
    found = name.strip()
    if not 0 < len(found) <= LONGEST_NAME or not is_plain(found) or "/" in found:
        message = f"Enter a name: one line of at most {LONGEST_NAME} characters, without a slash."
        raise AskRefused("name", message)
    return found


def _team(pk: int | None) -> Team | None:
    team = Team.objects.filter(pk=pk).first() if pk is not None else None
    if pk is not None and team is None:
        raise AskRefused("team", "There is no such team.")
    return team


def _content(window: Window) -> dict[str, Any]:
    names = ("name", "rule", "time_zone", "minutes")
    return {name: getattr(window, name) for name in names} | {"team": window.team_id}


def _lasts(blackout: Blackout) -> dict[str, Any]:
    times = {"begins": blackout.begins.isoformat(), "ends": blackout.ends.isoformat()}
    return {"name": blackout.name, "team": blackout.team_id, **times}


def _tell(by: User, did: str, reason: str, content: dict[str, Any]) -> None:
    text = f"{isolated(by.get_username())} {did}"
    writer.write(writer.WINDOWS, EntryKind.ACTION, text, body=content, actor=by, reason=reason)
    ledger.wake_waiting()
