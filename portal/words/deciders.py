"""Who must approve, for people of teams."""

from __future__ import annotations

from kvmweb.accounts.roles import Role

_ONE = {Role.LEAD: "a lead of the team", Role.OPERATOR: "an operator", Role.ADMIN: "an admin"}
_MANY = {Role.LEAD: "leads of the team", Role.OPERATOR: "operators", Role.ADMIN: "admins"}


def deciders(role: str, quorum: int) -> str:
    """ "a lead of the team", "2 operators"."""
    return _ONE[Role(role)] if quorum == 1 else f"{quorum} {_MANY[Role(role)]}"
