"""What a gate says about a migration that could begin: apps above this one let it go, wait, or refuse it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Lane(StrEnum):
    """Who a migration is for. Operations come first."""

    OPERATIONS = "operations"
    PORTAL = "portal"


@dataclass(frozen=True, slots=True)
class Go:
    """Nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Until then at least, None: nobody knows. `sentence` is for operators: it may name hosts."""

    sentence: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """It ends as failed; the VM was not touched."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Later:
    """What was asked is written down, and carried out when people approve it: `approval` is its id."""

    sentence: str
    approval: int


Gate = Go | Wait | Refuse
