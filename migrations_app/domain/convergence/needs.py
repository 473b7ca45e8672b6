"""What is allowed, and what the rest would take: the numbers that a policy decides by."""

from __future__ import annotations

from dataclasses import dataclass

from migrations_app.domain.convergence.policy import Policy
from migrations_app.domain.convergence.track import Pass, Track
from migrations_app.domain.pause import LONGEST_MS, pause_for
from migrations_app.domain.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """`needed_ms`: the downtime that what the newest pass began with would take, `best_ms`: the same of the best pass.
    `allowed_ms`: the one that is allowed; more than the policy's when a person allowed more. `finish_ms`: the one to
    allow to end it now; the second time twice as much as the first, which was not enough, also by libvirt's own rate.
    """

    progress: Progress
    newest: Pass
    rate_bps: int
    needed_ms: int
    best_ms: int
    allowed_ms: int
    finish_ms: int


def needs_of(policy: Policy, track: Track, progress: Progress) -> Needs | None:
    """None while it is not known: before the first pass is over, and without a rate."""
    if track.newest is None or not track.lows or not track.rate_bps:
        return None
    known = [one for one in (track.wanted_ms, progress.allowed_downtime_ms) if one is not None]
    allowed = max(known, default=policy.start_downtime_ms)
    left = track.newest.remaining_bytes
    # in the middle of a pass little may be left, but the VM has written meanwhile
    rest = max(left, progress.remaining_bytes or 0)
    return Needs(
        progress=progress,
        newest=track.newest,
        rate_bps=track.rate_bps,
        needed_ms=left * 1000 // track.rate_bps + track.extra_ms,
        best_ms=track.lows[-1].remaining_bytes * 1000 // track.rate_bps + track.extra_ms,
        allowed_ms=allowed,
        finish_ms=max(pause_for(rest, track.rate_bps), min(allowed * 2, LONGEST_MS) if track.finishes else allowed),
    )
