"""A page as tests read it."""

from __future__ import annotations

from typing import Any


def flat(answer: Any) -> str:
    """The page with one space wherever there is white space: where a template's lines end is not its meaning."""
    return " ".join(answer.content.decode().split())
