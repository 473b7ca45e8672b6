"""An admin makes, changes and removes rules. What was asked before stays asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from django.db import IntegrityError, transaction

from approvals.domain.rules import BadHours, is_zone, read_hours
from approvals.models import Rule
from hosts.models import Guest
from kvmweb.accounts.models import Team
from kvmweb.accounts.permissions import Right, require
from kvmweb.accounts.roles import Role
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import is_plain, isolated
from kvmweb.web.refused import FieldRefused
from migrations_app.domain.kinds import Kind

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import User

LONGEST_NAME = 100
MOST_QUORUM = 20
MOST_HOURS = 8760
MOST_DOWNTIME_MS = 2**31 - 1
#: who can be asked
ROLES = (Role.LEAD, Role.OPERATOR, Role.ADMIN)


class RuleRefused(FieldRefused):
    """The rule cannot be as it is wanted."""


class RuleFields(TypedDict, total=False):
    """See approvals.models.Rule; what is left out stays, or is as the model has it."""

    name: str
    team: int | None
    guest: UUID | None
    kind: str
    hours: str
    time_zone: str
    downtime_ms: int | None
    role: str
    quorum: int
    expires_hours: int


def make_rule(fields: RuleFields, *, by: User, reason: str = "") -> Rule:
    """Raises PermissionDenied, RuleRefused."""
    require(by, Right.MANAGE_APPROVALS)
    return _save(Rule(), fields, by, "made", reason)


def change_rule(rule: Rule, changes: RuleFields, *, by: User, reason: str = "") -> Rule:
    """Raises PermissionDenied, RuleRefused, Rule.DoesNotExist (it has just been removed)."""
    require(by, Right.MANAGE_APPROVALS)
    with transaction.atomic():
        row: Rule = Rule.objects.select_for_update().get(pk=rule.pk)
        return _save(row, changes, by, "changed", reason)


@transaction.atomic
def remove_rule(rule: Rule, *, by: User, reason: str = "") -> None:
    """Raises PermissionDenied."""
    require(by, Right.MANAGE_APPROVALS)
    content = _content(rule)
    if rule.delete()[0]:
        _tell(by, "removed", rule.name, reason, content)


def _save(rule: Rule, fields: RuleFields, by: User, did: str, reason: str) -> Rule:
    before = _content(rule)
    for name, value in _checked(fields).items():
        setattr(rule, name, value)
    if rule.pk and _content(rule) == before:
        return rule
    try:
        with transaction.atomic():
            rule.save()
            _tell(by, did, rule.name, reason, _content(rule))
    except IntegrityError:
        raise RuleRefused("name", "Another rule has this name.") from None
    return rule


def _checked(fields: RuleFields) -> dict[str, Any]:
    values: dict[str, Any] = dict(fields)
    if "name" in values:
        values["name"] = values["name"].strip()
    for name, allowed, message in _BOUNDS:
        if name in values and not allowed(values[name]):
            raise RuleRefused(name, message)
    if values.get("hours"):
        try:
            read_hours(values["hours"])
        except BadHours:
            raise RuleRefused("hours", "Enter a range such as 08:00-18:00, or nothing.") from None
    for name, model, message in _OBJECTS:
        if name in values:
            found = model.objects.filter(pk=values[name]).first() if values[name] is not None else None
            if found is None and values[name] is not None:
                raise RuleRefused(name, message)
            values[name] = found
    return values


def _is_name(name: str) -> bool:
    return 0 < len(name) <= LONGEST_NAME and is_plain(name) and "/" not in name


_OBJECTS: tuple[tuple[str, Any, str], ...] = (
    ("team", Team, "There is no such team."),
    ("guest", Guest, "No VM with this UUID has been seen."),
)
_BOUNDS: tuple[tuple[str, Any, str], ...] = (
    ("name", _is_name, f"A rule needs a name: one line of at most {LONGEST_NAME} characters, without a slash."),
    ("kind", lambda kind: kind in ("", *Kind), "There is no such method."),
    ("time_zone", is_zone, "Enter the name of a time zone, such as Europe/Berlin."),
    (
        "downtime_ms",
        lambda ms: ms is None or 0 <= ms <= MOST_DOWNTIME_MS,
        "Enter a downtime in milliseconds, or nothing.",
    ),
    ("role", lambda role: role in ROLES, "Who approves is a lead, an operator or an admin."),
    ("quorum", lambda number: 1 <= number <= MOST_QUORUM, f"Between 1 and {MOST_QUORUM} people can be asked."),
    ("expires_hours", lambda hours: 1 <= hours <= MOST_HOURS, f"Enter between 1 and {MOST_HOURS} hours."),
)


def _content(rule: Rule) -> dict[str, Any]:
    names = ("name", "kind", "hours", "time_zone", "downtime_ms", "role", "quorum", "expires_hours")
    values = {name: getattr(rule, name) for name in names}
    return values | {"team": rule.team_id, "guest": str(rule.guest_id) if rule.guest_id else None}


def _tell(by: User, did: str, name: str, reason: str, content: dict[str, Any]) -> None:
    text = f"{isolated(by.get_username())} {did} the approval rule {isolated(name)}"
    writer.write(writer.APPROVALS, EntryKind.ACTION, text, body=content, actor=by, reason=reason)
