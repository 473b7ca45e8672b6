"""A fact that could not be learned. Never treated as fine: a check that needs it reports "unknown"."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unknown:
    """Stands where a fact should be. `reason` says why we do not know, `remedy` what would make it known."""

    reason: str
    remedy: str = ""
