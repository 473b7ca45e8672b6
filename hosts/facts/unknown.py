"""A fact that could not be learned. Never treated as fine: a check that needs it reports "unknown"."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unknown:
    """Takes the place of a fact. `reason`: why it is not known; `remedy`: what would make it known."""

    reason: str
    remedy: str = ""
