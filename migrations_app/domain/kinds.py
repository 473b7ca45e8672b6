"""The kinds of migration, one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from hosts.facts.guest import GuestLook
from migrations_app.domain.outcome import live
from migrations_app.domain.outcome.decision import Decision, JobRecord

Decide = Callable[[GuestLook, GuestLook, JobRecord], Decision]


class Kind(StrEnum):
    LIVE = "live"
    LIVE_STORAGE = "live_storage"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """`label` and `consequence` are for the page; `copies` says whether disks travel too; `outcome` is the
    table that alone ends a migration of this kind."""

    kind: Kind
    label: str
    consequence: str
    copies: bool
    outcome: Decide


KINDS: tuple[KindRow, ...] = (
    KindRow(
        kind=Kind.LIVE,
        label="Live",
        consequence="The VM goes on running. Its disks must be reachable from both hosts.",
        copies=False,
        outcome=live.decide,
    ),
    KindRow(
        kind=Kind.LIVE_STORAGE,
        label="Live with storage",
        consequence="Disks are copied too. Takes as long as their contents take to travel.",
        copies=True,
        outcome=live.decide,
    ),
)
KIND: dict[Kind, KindRow] = {row.kind: row for row in KINDS}
