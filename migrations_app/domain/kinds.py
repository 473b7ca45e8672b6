"""The kinds of migration, one row each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    LIVE = "live"
    LIVE_STORAGE = "live_storage"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """`label` and `consequence` are for the page; `copies` says whether disks travel too."""

    kind: Kind
    label: str
    consequence: str
    copies: bool


KINDS: tuple[KindRow, ...] = (
    KindRow(
        kind=Kind.LIVE,
        label="Live",
        consequence="The VM goes on running. Its disks must be reachable from both hosts.",
        copies=False,
    ),
    KindRow(
        kind=Kind.LIVE_STORAGE,
        label="Live with storage",
        consequence="Disks are copied too. Takes as long as their contents take to travel.",
        copies=True,
    ),
)
KIND: dict[Kind, KindRow] = {row.kind: row for row in KINDS}
