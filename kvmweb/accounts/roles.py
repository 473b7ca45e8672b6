"""Roles, and the scopes they are given for. A scope is a text such as "team:3"; "" is everywhere."""

from __future__ import annotations

from enum import StrEnum

EVERYWHERE = ""
_TEAM = "team:"


class Role(StrEnum):
    VIEWER = "viewer"
    MEMBER = "member"
    LEAD = "lead"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ADMIN = "admin"


#: these belong to a team; given everywhere, they wait for their first team
OF_TEAMS = frozenset({Role.MEMBER, Role.LEAD})
#: what a role may do, for the people who give it
MEANINGS = {
    Role.VIEWER: "sees everything",
    Role.MEMBER: "sees only the VMs of their teams",
    Role.LEAD: "sees only the VMs and the people of their teams",
    Role.OPERATOR: "sees everything, and migrates VMs",
    Role.AUDITOR: "sees everything, and reads and exports the records; changes nothing",
    Role.ADMIN: "may do everything an operator may, and manages hosts, users and teams",
}


def team_scope(pk: int) -> str:
    return f"{_TEAM}{pk}"


def team_of(scope: str) -> int | None:
    """The team of "team:3"; None for any other scope."""
    number = scope.removeprefix(_TEAM)
    return int(number) if scope != number and number.isascii() and number.isdecimal() and len(number) <= 18 else None


def fits(role: str, scope: str) -> bool:
    """Whether the role means something for this scope. One that nothing understands is never given."""
    return scope == EVERYWHERE or (role in OF_TEAMS and team_of(scope) is not None)
