"""Roles, and the scopes they are given for. A scope is a text such as "team:3" or "group:5"; "" is everywhere."""

from __future__ import annotations

from enum import StrEnum

EVERYWHERE = ""
_TEAM = "team:"
#: of hosts; what belongs to one is decided above (hosts/), since accounts know no hosts
_GROUP = "group:"


class Role(StrEnum):
    VIEWER = "viewer"
    MEMBER = "member"
    LEAD = "lead"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ADMIN = "admin"


#: these belong to a team; given everywhere, they wait for their first team
OF_TEAMS = frozenset({Role.MEMBER, Role.LEAD})
#: these may be given for a group of hosts: its hosts, the VMs there and their migrations
OF_GROUPS = frozenset({Role.VIEWER, Role.OPERATOR})
#: what a role may do everywhere, for the people who give it
MEANINGS = {
    Role.VIEWER: "sees everything",
    Role.MEMBER: "sees only the VMs of their teams",
    Role.LEAD: "sees only the VMs and the people of their teams",
    Role.OPERATOR: "sees everything, and migrates VMs",
    Role.AUDITOR: "sees everything, and reads and exports the records; changes nothing",
    Role.ADMIN: "may do everything an operator may, and manages hosts, users and teams",
}
#: the same for a group of hosts
MEANINGS_IN_GROUP = {
    Role.VIEWER: "sees its hosts, their VMs and migrations",
    Role.OPERATOR: "sees them, and migrates VMs between them",
}


def team_scope(pk: int) -> str:
    return f"{_TEAM}{pk}"


def team_of(scope: str) -> int | None:
    """The team of "team:3"; None for any other scope."""
    return _number(scope, _TEAM)


def group_scope(pk: int) -> str:
    return f"{_GROUP}{pk}"


def group_of(scope: str) -> int | None:
    """The group of hosts of "group:3"; None for any other scope."""
    return _number(scope, _GROUP)


def fits(role: str, scope: str) -> bool:
    """Whether the role means something for this scope. One that nothing understands is never given."""
    if scope == EVERYWHERE:
        return True
    return (role in OF_TEAMS and team_of(scope) is not None) or (role in OF_GROUPS and group_of(scope) is not None)


def _number(scope: str, kind: str) -> int | None:
    number = scope.removeprefix(kind)
    return int(number) if scope != number and number.isascii() and number.isdecimal() and len(number) <= 18 else None
