"""What an approval is about: "request:12" of the portal, "migration:7" (an unsafe one), "close:7" (by hand)."""

from __future__ import annotations

REQUEST, MIGRATION, CLOSING = "request:", "migration:", "close:"


def migration_of(subject: str) -> int | None:
    """The migration that it is about; None for a request."""
    before, _, number = subject.partition(":")
    return int(number) if f"{before}:" in (MIGRATION, CLOSING) and number.isdecimal() else None
