"""Sentences that were written down before, made safe to read: with the names in them isolated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from migrations_app.models import Migration


def told(migration: Migration) -> str:
    """The worker's own sentence."""
    return with_name(migration.state_text, migration.guest_name, migration.name_there(migration.guest_name))


def with_name(sentence: str, name: str, other: str = "") -> str:
    """A stored sentence has the bare names in it. One may be a part of the other."""
    longest_first = sorted({name, other or name}, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda found: isolated(found[0]), sentence)
