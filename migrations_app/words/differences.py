"""How the saved definition of a VM that has migrated differs from the one that it had: one line of the journal."""

from __future__ import annotations

from collections.abc import Sequence

from migrations_app.domain.definition.difference import MOST, Difference


def differences_line(name: str, source: str, target: str, found: Sequence[Difference]) -> str:
    """Of at least one; more than MOST are not told."""
    told = "; ".join(map(_words, found[:MOST]))
    more = "; and more" if len(found) > MOST else ""
    than = "what it was" if source == target else f"the one on {source}"
    return f"The saved definition of {name} on {target} differs from {than}: {told}{more}."


def _words(one: Difference) -> str:
    if not one.before:
        return f"{one.path} is new ({one.after})"
    if not one.after:
        return f"{one.path} is missing ({one.before})"
    if one.before == one.after:  # the values are not shown, or too long
        return f"{one.path} has another value"
    return f"{one.path} is {one.after} instead of {one.before}"
