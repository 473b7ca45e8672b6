"""Sentences that were written down before, made safe to read: with the names in them isolated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from migrations_app.models import Migration


def told(migration: Migration) -> str:
    """The worker's own sentence."""
    return with_name(migration.state_text, migration.guest_name)


def with_name(sentence: str, name: str) -> str:
    """A stored sentence has the bare name in it."""
    return sentence.replace(name, isolated(name))
