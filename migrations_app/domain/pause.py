"""How long a VM is paused when the rest of its memory is copied at once."""

from __future__ import annotations

from migrations_app.domain.option_table import OPTION

#: the guest goes on writing until libvirt looks again, and libvirt's rate is that of a moment
MARGIN_PERCENT = 25
#: libvirt allows no longer one
LONGEST_MS = OPTION["max_downtime_ms"].maximum or 0


def pause_for(remaining_bytes: int, rate_bps: int) -> int:
    """The downtime to allow, in ms, so that libvirt switches over: what the rest takes, and a margin."""
    return max(remaining_bytes * 1000 // rate_bps * (100 + MARGIN_PERCENT) // 100, 1)
