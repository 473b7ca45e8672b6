"""Makes any text and number from a host fit into the database."""

from __future__ import annotations

import uuid
from typing import Any

_BIGGEST = 2**63 - 1


def clean(text: str, limit: int | None = None) -> str:
    """Storable text: no NUL (PostgreSQL), no lone surrogates, at most `limit` characters. The rest stays."""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    return text[:limit]


def clean_all(value: Any) -> Any:
    """`clean` for every text in nested lists, tuples and dicts."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): clean_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_all(item) for item in value]
    return value


def count(number: int, biggest: int = _BIGGEST) -> int:
    """A size or a count that fits its column."""
    return min(max(number, 0), biggest)


def as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
