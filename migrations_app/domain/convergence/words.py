"""The sentences and numbers of decisions. Each reads well after "Shadow mode, not done: ", too."""

from __future__ import annotations

from migrations_app.domain.convergence.needs import Needs
from migrations_app.domain.convergence.passes import best_before
from migrations_app.domain.convergence.policy import Policy
from migrations_app.domain.convergence.track import Track
from migrations_app.domain.preflight.shared import size

NO_PAUSE = "The VM's owners do not allow a longer pause."
NOT_SLOWED = "The VM's owners do not allow it to be slowed down."
NO_POST_COPY = "The VM's owners do not allow post-copy."
NOT_POSSIBLE = "This migration could not begin with post-copy allowed."
TOO_LONG = "libvirt does not allow a downtime that is long enough"


def stalled(policy: Policy, track: Track) -> str:
    """Why: "for 52 s no pass has come closer to the end"."""
    best = best_before(policy, track)
    since = track.clock_ms - (best.at_ms if best else track.stalled_at_ms or 0)
    return f"for {_time(since)} no pass has come closer to the end"


def late(deadline_ms: int) -> str:
    return f"the policy's deadline of {_time(deadline_ms)} is over"


def not_ended(track: Track) -> str:
    return f"it has not ended although {track.wanted_ms or 0:,} ms are allowed"


def raised(policy: Policy, track: Track, needs: Needs, rung_ms: int) -> str:
    return (
        f"Allowed downtime raised from {needs.allowed_ms:,} to {rung_ms:,} ms: {stalled(policy, track)}. {_left(needs)}"
    )


def finished(needs: Needs, why: str) -> str:
    rise = f"from {needs.allowed_ms:,} to {needs.finish_ms:,} ms"
    return f"Allowed downtime raised {rise}, to finish now: {why}. {_left(needs)}"


def suspended(needs: Needs, why: str) -> str:
    return f"VM paused until the rest is copied: {why}. {_left(needs)}"


def switched(needs: Needs, why: str) -> str:
    return f"Switched to post-copy: {why}. {_left(needs)}"


def restarted(needs: Needs, why: str) -> str:
    return f"Migration stopped, to start again with auto-converge: {why}. {_too_long(needs)}"


def given_up(needs: Needs, why: str, consent: str = "") -> str:
    return f"Migration given up, the VM stays on its source host: {why}. {consent or _too_long(needs)}"


def numbers(track: Track, needs: Needs) -> dict[str, int | None]:
    """Those by which it was decided."""
    progress = needs.progress
    return {
        "remaining_bytes": progress.remaining_bytes,
        "pass_remaining_bytes": needs.newest.remaining_bytes,
        "rate_bps": needs.rate_bps,
        "dirty_bps": progress.dirty_bps,
        "needed_ms": needs.needed_ms,
        "extra_ms": track.extra_ms,
        "allowed_ms": needs.allowed_ms,
        "pass": needs.newest.number,
        "elapsed_ms": progress.elapsed_ms,
    }


def _left(needs: Needs) -> str:
    return (
        f"The {size(needs.newest.remaining_bytes)} left take about {needs.needed_ms:,} ms at {size(needs.rate_bps)}/s."
    )


def _too_long(needs: Needs) -> str:
    yet = "" if needs.needed_ms > needs.allowed_ms else ", yet libvirt does not switch over"
    return f"{_left(needs)[:-1]}, and {needs.allowed_ms:,} ms are allowed{yet}."


def _time(ms: int) -> str:
    seconds = ms // 1000
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if not minutes % 60 else f"{minutes // 60} h {minutes % 60} min"
