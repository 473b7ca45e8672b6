"""What several checks need. Checks import this and never each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from hosts.facts.guest import GuestDefinition
from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import KIND, Kind
from migrations_app.domain.option_parts import TAKE_OUT_KINDS
from migrations_app.domain.preflight.check import Finding, Remedy, Severity
from migrations_app.domain.preflight.facts import Facts

T = TypeVar("T")

KIB = 1024
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")

#: of everything that is written into the VM's definition
AT_NEXT_START = "it takes effect at the VM's next start."
DETACH = "Detach it from the running VM, then migrate."


class NotKnown(Exception):
    """A check needs a fact that could not be learned. The engine turns it into an "unknown" finding."""

    def __init__(self, what: str, fact: Unknown) -> None:
        super().__init__(fact.reason)
        self.what = what
        self.fact = fact


def known(value: T | Unknown, what: str) -> T:
    """The value, or NotKnown. What a check always needs stands in its `needs` as well."""
    if isinstance(value, Unknown):
        raise NotKnown(what, value)
    return value


def stays(facts: Facts) -> bool:
    """Whether the VM stays on its host, and only disks of it get new places there."""
    return KIND[facts.request.kind].same_host


def guest_of(facts: Facts) -> GuestDefinition:
    return known(facts.guest.definition, "guest.definition")


def affected(facts: Facts) -> tuple[str, str]:
    """The guest's name and what a finding about it affects. Of one that has just migrated away there is no definition,
    and so no name."""
    if isinstance(facts.guest.definition, Unknown):
        return "The VM", f"VM {facts.request.guest}"
    return facts.guest.definition.name, f"VM {facts.guest.definition.name}"


def version(number: int, what: str, host: str) -> int:
    """A version number, or NotKnown: hosts report 0 when they cannot tell."""
    if not number:
        raise NotKnown(f"version of {what}", Unknown(f"{host} does not report its {what} version."))
    return number


def sizes(*counts: int) -> tuple[str, ...]:
    """Bytes as text, to compare: 1536 -> "1.5 KiB". In a smaller unit where two different ones would read the same."""
    for smaller in range(3):
        words = tuple(_size(count, smaller, round) for count in counts)
        if len(set(words)) == len(set(counts)):
            break
    return words


def size(count: int) -> str:
    return sizes(count)[0]


def at_least(count: int) -> str:
    """Like `size`, never rounded down: what has to be freed."""
    return _size(count, 0, math.ceil)


def _size(count: int, smaller: int, rounded: Callable[[float], int]) -> str:
    unit = next((step for step in reversed(range(len(UNITS))) if count >= 1024**step), 0)
    unit = max(unit - smaller, 0)
    number = rounded(count / 1024**unit * 10) / 10
    return f"{number:.1f}".removesuffix(".0") + f" {UNITS[unit]}"


def count(number: int, what: str) -> str:
    """ "1 bitmap", "2 bitmaps"."""
    return f"{number} {what}{'s' if number > 1 else ''}"


def remedy(text: str, *, run: str = "", on: str = "", kind: str = "", option: str = "") -> Remedy:
    """`run` is the whole command line, `on` the host's name, `kind` the kind of migration to choose instead, `option`
    the option to set."""
    return Remedy(text=text, command=run, on=on, kind=kind, option=option)


def takes_out(facts: Facts, option: str) -> bool:
    """Whether this migration can take something out of the VM: `option` is "detach" or "eject"."""
    return facts.request.kind in TAKE_OUT_KINDS and not facts.starts and not facts.request.options[option]


#: of a VM that cannot migrate while it runs
STOP_INSTEAD = remedy("Or let it shut down for the migration: choose Stop, migrate, start.", kind=Kind.STOP_MOVE_START)


def finding(severity: Severity, summary: str, affects: str, evidence: dict[str, str], *remedies: Remedy) -> Finding:
    return Finding(severity=severity, summary=summary, affects=affects, evidence=evidence, remedies=remedies)
