"""What an approval is about, and who decides: for sentences, and for the journal."""

from __future__ import annotations

from kvmweb.accounts.roles import Role
from kvmweb.journal import writer

REQUEST, MIGRATION, CLOSING = "request:", "migration:", "close:"
_ONE = {Role.LEAD: "a lead of the VM's team", Role.OPERATOR: "an operator", Role.ADMIN: "an admin"}
_MANY = {Role.LEAD: "leads of the VM's team", Role.OPERATOR: "operators", Role.ADMIN: "admins"}


def migration_of(subject: str) -> int | None:
    """The migration that "migration:7" and "close:7" are about."""
    before, _, number = subject.partition(":")
    return int(number) if f"{before}:" in (MIGRATION, CLOSING) and number.isdecimal() else None


def topic_of(subject: str) -> str:
    """Of the journal."""
    pk = migration_of(subject)
    return subject if pk is None else writer.migration_topic(pk)


def deciders(role: str, quorum: int) -> str:
    one = _ONE.get(Role(role), role) if role in list(Role) else role
    if quorum == 1:
        return one
    return f"{quorum} {_MANY.get(Role(role), role)}"
