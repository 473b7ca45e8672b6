"""What the API says of a forecast."""

from __future__ import annotations

from ninja import Schema


class ForecastOut(Schema):
    """Based on `runs` earlier migrations between the same two hosts; where none is newer than a probe stream, the
    path's rate is that of the stream, at `rate_at`; without both it is the nominal rate of the source's network
    interface (`rate_from`: `transfers`, `probe` or `nominal`), which says only the least that it takes.
    `low_ms` to `high_ms`: the expected time in libvirt, `likely_ms` the most likely; `high_ms` is null when there
    is no upper bound. Without an earlier migration of this VM and without a dirty rate `low_ms` is null, and
    `high_ms` is one pass over all its memory. `bps`: the lowest measured transfer rate in bytes/s, `rate_bps` the
    most likely; both are the most that is possible when it is `nominal`. `verdict`: `converges`, `needs_help` (by
    throttling, a longer downtime or post-copy), `uncertain` or empty; `ends` is the same as true, false or null.
    `dirty_bps`: the dirty rate, most likely, between `dirty_low_bps` and `dirty_high_bps`; `dirty_from`: `measured`
    by the check, `earlier` in a migration of this VM, or empty. `first_bytes`: what the first pass has to send.
    `proposes`: the policy that is likely to end it, empty when none is needed, or none is allowed for this VM
    between these hosts; `proposes_by`: how, `downtime` (a longer one), `finish` (the VM is paused for the rest),
    `throttle` (it is slowed down) or `post_copy` (until the end, losing either host loses the VM). It is only
    proposed. For a `paused` VM only the time is given. For `stop_move_start` only the downtime: from the
    request to shut down until the VM runs again. Null: not known."""

    runs: int
    bps: float
    low_ms: float | None = None
    high_ms: float | None = None
    likely_ms: float | None = None
    downtime_low_ms: int | None = None
    downtime_high_ms: int | None = None
    dirty_bps: int | None = None
    dirty_low_bps: int | None = None
    dirty_high_bps: int | None = None
    limit_bps: int | None = None
    rate_bps: float | None = None
    first_bytes: int | None = None
    ends: bool | None = None
    verdict: str = ""
    rate_from: str = "transfers"
    rate_at: str = ""
    dirty_from: str = ""
    proposes: str = ""
    proposes_by: str = ""
    paused: bool = False
