"""A guest that kvmweb started paused, and what tells whether it ever ran."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.facts.guest import RunState

#: QEMU's own work in the thread of a CPU that never runs; the kernel counts in steps of 10 ms
SETTING_UP_MS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedGuest:
    """Read in one call of an active guest. `mark`: "" for one that kvmweb did not start paused. `requests`: how often
    it has read from and written to its disks on this host. `cpu_ms`: how long the busiest of its CPUs has worked."""

    mark: str
    state: RunState
    requests: int
    cpu_ms: int

    @property
    def ran(self) -> bool:
        """One whose CPUs never ran is paused, and has read and written nothing."""
        return self.state is not RunState.PAUSED or self.requests > 0 or self.cpu_ms > SETTING_UP_MS
