"""The decision of a policy at one look."""

from __future__ import annotations

from migrations_app.domain.convergence.action import Action
from migrations_app.domain.convergence.policy import Policy
from migrations_app.domain.convergence.track import Track
from migrations_app.domain.progress import Progress


def decide(policy: Policy, track: Track, progress: Progress) -> tuple[Track, tuple[Action, ...]]:
    """What to remember, and what to do now; () is to wait."""
    return track, ()
