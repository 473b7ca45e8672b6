"""What libvirt limits the running migration to: read back, shown, and put back when the guest stays at the source."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from django.utils import timezone

from hosts.calls.steer import Limit, LimitBandwidth, LimitCache, LimitDowntime
from hosts.facts.guest import JobLimits
from hosts.facts.runtime import NO_LIMIT
from migrations_app.domain.virsh import virsh
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection

#: somebody may change them with virsh
READ_SECONDS = 2.0
_NAMES: dict[type[Limit], str] = {
    LimitBandwidth: "bandwidth_mib",
    LimitDowntime: "max_downtime_ms",
    LimitCache: "xbzrle_cache_mib",
}
_LIMITS: dict[str, type[Limit]] = {name: limit for limit, name in _NAMES.items()}


class Limits:
    """`known` is what libvirt said last; None before that."""

    def __init__(self, held: Held, source: SteadyConnection) -> None:
        self._held = held
        self._source = source
        self._read_at = float("-inf")
        self.known: JobLimits | None = None

    def follow(self) -> None:
        """While a job runs."""
        if time.monotonic() - self._read_at >= READ_SECONDS:
            self.read()

    def read(self) -> JobLimits | None:
        """None when libvirt does not answer now."""
        held = self._held
        found = self._source.ask(lambda c: c.limits(held.guest))
        if found is not None:
            self._read_at, self.known = time.monotonic(), found
            held.update(controls={**asdict(found), "read_at": timezone.now().isoformat()})
        return found

    def remember(self, limit: Limit) -> bool:
        """Write down what it was before it is changed for the first time. False when libvirt does not say it now."""
        name, before = _name(limit), self._held.row.limits_before
        if name in before:
            return True
        found = self.read()
        value = None if found is None else getattr(found, name)
        if value is None:
            return False
        self._held.update(limits_before={**before, name: value})
        return True

    def value(self, limit: Limit) -> int | None:
        """What libvirt says of this one now."""
        found = self.read()
        return None if found is None else getattr(found, _name(limit))


def put_back(held: Held, source: SteadyConnection) -> str:
    """What was set in flight stays with the guest in libvirt. Returns what is left for a user to do, "" for nothing."""
    before: dict[str, Any] = held.row.limits_before
    if not before or not source.look(held.guest).active:  # another run of it begins with libvirt's own limits
        return ""
    now = source.ask(lambda c: c.limits(held.guest))
    left = []
    for name, value in before.items():
        if now is None or getattr(now, name) not in (value, None):
            limit = _LIMITS[name](value)
            if not source.do(lambda c, limit=limit: c.set_limit(held.guest, limit)):  # type: ignore[misc]
                left.append(name)
    if "bandwidth_mib" in left:
        run = virsh("migrate-setspeed", held.guest, str(before["bandwidth_mib"] or NO_LIMIT))
        return (
            f"libvirt on {held.row.source} keeps the bandwidth of this migration for the VM's next ones: kvmweb could"
            f" not put the earlier one back. On {held.row.source} run: {run}"
        )
    return ""  # libvirt itself ends the others with the migration


def _name(limit: Limit) -> str:
    return _NAMES[type(limit)]
