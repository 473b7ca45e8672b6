"""What running guests use of their host, as libvirt's bulk statistics tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: a guest's own numbers are believed for so long, in seconds: they stand still when nothing asks its balloon driver
_BALLOON_FRESH = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestUsage:
    """`cpu_ns` counts CPU time since the guest was started on this host. None is what libvirt did not tell.

    `memory_by_guest`: the guest's balloon driver told the memory in use; else it is QEMU's resident memory.
    """

    uuid: str
    cpu_ns: int | None = None
    memory_used_kib: int | None = None
    memory_by_guest: bool = False


def read(uuid: str, stats: Mapping[str, Any], *, now: float) -> GuestUsage:
    """`now`: seconds since 1970, which the guest's own numbers are compared with."""
    total, free = stats.get("balloon.available"), stats.get("balloon.usable", stats.get("balloon.unused"))
    fresh = abs(now - stats.get("balloon.last-update", 0)) <= _BALLOON_FRESH
    by_guest = fresh and total is not None and free is not None and 0 <= free <= total
    return GuestUsage(
        uuid=uuid,
        cpu_ns=stats.get("cpu.time"),
        memory_used_kib=total - free if by_guest else stats.get("balloon.rss"),
        memory_by_guest=by_guest,
    )


def cpus_used(before: int | None, now: int | None, seconds: float) -> float | None:
    """How many CPUs were busy on average between two counts of CPU time; None when that cannot be told."""
    if before is None or now is None or now < before or seconds <= 0:
        return None
    return (now - before) / (seconds * 1e9)
