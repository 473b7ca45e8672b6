"""How fast the network is, and whether it is up: a policy does nothing about a VM because of a network that is down."""

from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.convergence.policy import Policy
from migrations_app.domain.convergence.track import Track
from migrations_app.domain.progress import Progress

#: libvirt's rate is that of about 100 ms
NEW_SHARE, OLD_SHARE = 4, 6
#: without a byte for so long, what libvirt says of the rate is of before
SILENT_MS = 1000
#: nobody looked for longer: it is not known what happened then
MOST_BETWEEN_LOOKS_MS = 5000


def is_up(track: Track, progress: Progress) -> bool:
    """Whether bytes come, and at least half as fast as lately, by this look and by the smoothed rate."""
    return _comes(progress) and not _slow(track, min(progress.rate_bps or 0, track.rate_bps or 0))


def observe(policy: Policy, track: Track, progress: Progress) -> Track:
    """The track after this look, with its clock and its rates."""
    now = progress.elapsed_ms or 0
    if track.looked_at_ms is not None and now <= track.looked_at_ms:
        return track  # seen before: the same rate again says nothing new
    passed = max(now - (now if track.looked_at_ms is None else track.looked_at_ms), 0)
    counted = min(passed, MOST_BETWEEN_LOOKS_MS)
    track = replace(track, looked_at_ms=max(now, track.looked_at_ms or 0))
    if _comes(progress):
        track = _rated(policy, track, progress.rate_bps or 0, counted)
        if not _slow(track, track.rate_bps or 0):
            return replace(track, clock_ms=track.clock_ms + counted)
    return replace(track, down_ms=track.down_ms + passed)


def _comes(progress: Progress) -> bool:
    silent = progress.moved_at_ms is not None and (progress.elapsed_ms or 0) - progress.moved_at_ms >= SILENT_MS
    return progress.no_data_ms is None and bool(progress.rate_bps) and not silent


def _slow(track: Track, rate: int) -> bool:
    return rate * 2 < (track.best_rate_bps or 0)


def _rated(policy: Policy, track: Track, sample: int, counted_ms: int) -> Track:
    """The best rate fades within about a stall window: a link that somebody limited, or that has become busy for long,
    is the link as it is now."""
    old = track.rate_bps
    rate = sample if old is None else (NEW_SHARE * sample + OLD_SHARE * old) // (NEW_SHARE + OLD_SHARE)
    best = max(track.best_rate_bps or 0, rate)
    window_ms = max(policy.stall_window_s * 1000, counted_ms, 1)
    return replace(track, rate_bps=rate, best_rate_bps=best - (best - rate) * counted_ms // window_ms)
