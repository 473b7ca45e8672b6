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
    """Of at least one difference."""
    told = "; ".join(map(_words, found[:_TOLD]))
    more = "; and more" if len(found) > _TOLD else ""
    before = "had before" if migration.source_id == migration.target_id else f"had on {migration.source}"
    name = isolated(migration.guest_name)
    return f"The saved definition on {migration.target} is not quite the one that {name} {before}: {told}{more}."


def _words(one: Difference) -> str:
    path = isolated(one.path)
    if not one.before:
        return f"{path} is new (“{isolated(one.after)}”)"
    if not one.after:
        return f"{path} is missing (“{isolated(one.before)}”)"
    if one.before == one.after:  # the values are not shown, or too long
        return f"{path} has another value"
    return f"{path} is “{isolated(one.after)}” instead of “{isolated(one.before)}”"
