"""What several checks need. Checks import this and never each other."""

from __future__ import annotations

from typing import TypeVar

from hosts.facts.guest import GuestDefinition
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Finding, Remedy, Severity
from migrations_app.domain.preflight.facts import Facts

T = TypeVar("T")

MIB = 1024 * 1024
KIB_PER_MIB = 1024


class NotKnown(Exception):
    """A check needs a fact nobody could learn. The engine turns it into an "unknown" finding."""

    def __init__(self, what: str, fact: Unknown) -> None:
        super().__init__(fact.reason)
        self.what = what
        self.fact = fact


def known(value: T | Unknown, what: str) -> T:
    """The value, or NotKnown. What a check always needs stands in its `needs` as well."""
    if isinstance(value, Unknown):
        raise NotKnown(what, value)
    return value


def guest_of(facts: Facts) -> GuestDefinition:
    return known(facts.guest.definition, "guest.definition")


def affected(facts: Facts) -> tuple[str, str]:
    """The guest's name and what a finding about it affects. Of one that has just left there is no definition any more,
    and so no name."""
    if isinstance(facts.guest.definition, Unknown):
        return "The VM", f"VM {facts.request.guest}"
    return facts.guest.definition.name, f"VM {facts.guest.definition.name}"


def version(number: int, what: str, host: str) -> int:
    """A version number, or NotKnown: hosts say 0 when they could not tell."""
    if not number:
        raise NotKnown(f"version of {what}", Unknown(f"{host} does not report its version of {what}."))
    return number


def remedy(text: str, *, run: str = "", on: str = "") -> Remedy:
    """`run` is the whole command line, `on` the host's name."""
    return Remedy(text=text, command=run, on=on)


def finding(severity: Severity, summary: str, affects: str, evidence: dict[str, str], *remedies: Remedy) -> Finding:
    return Finding(severity=severity, summary=summary, affects=affects, evidence=evidence, remedies=remedies)
