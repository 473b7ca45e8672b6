"""What is said about definitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from migrations_app.domain.definition.difference import Difference
    from migrations_app.models import Migration

#: the others are in the journal's entry
_TOLD = 5


def differs(migration: Migration, found: Sequence[Difference]) -> str:
    told = "; ".join(
        f"{isolated(one.path)} was {_quoted(one.before)}, is {_quoted(one.after)}" for one in found[:_TOLD]
    )
    more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return f"The saved definition on {migration.target} is not quite the one that {migration.source} had: {told}{more}."


def _quoted(value: str) -> str:
    return f"“{isolated(value)}”" if value else "not there"
