"""Checkpoints in sentences."""

from __future__ import annotations

from collections.abc import Sequence

_MOST_NAMED = 3


def named(names: Sequence[str]) -> str:
    """ "checkpoint monday", "checkpoints monday, tuesday, wednesday and 2 more"."""
    shown, more = ", ".join(names[:_MOST_NAMED]), len(names) - _MOST_NAMED
    return f"checkpoint{'s' if len(names) > 1 else ''} {shown}" + (f" and {more} more" if more > 0 else "")


def without(names: Sequence[str]) -> str:
    """What it means when they are lost."""
    return f"Incremental backups since {'it' if len(names) == 1 else 'them'} fail: make a full backup."
