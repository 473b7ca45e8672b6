"""What was felt of a switchover from outside, or why nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kvmweb.ui import units
from migrations_app.domain.lifecycle import State

if TYPE_CHECKING:
    from migrations_app.models import Migration


def felt_words(migration: Migration) -> str:
    """One line of the outcome."""
    return felt_line(migration.felt, not_felt(migration))


def felt_line(felt: Mapping[str, Any] | None, reason: str) -> str:
    """The same of what the API calls `felt` and `felt_reason`."""
    if felt is None:
        return f"not measured. {reason}"
    lost = f"{felt['lost']} of {felt['sent']} probes lost"
    silent = units.duration(felt["longest_ms"])
    words = f"{silent} without an answer, {lost} ({felt['address']}, probed from {felt['from']})"
    return f"{words}. {reason}" if reason else words


def not_felt(migration: Migration) -> str:
    """Why there is no measurement, a sentence; "" of one that there is, unless it is not all of the silence."""
    kind = migration.kind_row
    if migration.felt is not None or migration.felt_reason:
        return str(migration.felt_reason)
    if kind.same_host:
        return "The VM stays on its host."
    if kind.off:
        return "The VM is shut off for this migration." if kind.stops else "The VM is shut off."
    if not migration.terminal:
        return "The switchover is not over yet."
    return "Nothing was recorded." if migration.state == State.DONE else "There was no switchover."
