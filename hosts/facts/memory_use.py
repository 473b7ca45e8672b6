"""What is known of a running guest's memory before it migrates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MIB = 1024 * 1024
#: libvirt's VIR_DOMAIN_DIRTYRATE_MEASURED
_MEASURED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DirtyRate:
    """`bps`: how much of the memory differed after `seconds` from what it was before, per second: a page that was
    written a hundred times counts once. It is a sample of pages, and libvirt tells whole MiB."""

    seconds: int
    bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """In bytes; None is what libvirt did not tell. `size` is what the guest has now. `resident` is what QEMU holds of
    the host's memory, its own included, without what the guest never touched or has given back."""

    size: int | None = None
    resident: int | None = None


def read_use(stats: Mapping[str, Any]) -> MemoryUse:
    size, resident = stats.get("balloon.current"), stats.get("balloon.rss")
    return MemoryUse(
        size=None if size is None else int(size) * 1024,
        resident=None if resident is None else int(resident) * 1024,
    )


def read_rate(stats: Mapping[str, Any]) -> DirtyRate | None:
    """None: it is not measured (yet)."""
    rate, seconds = stats.get("dirtyrate.megabytes_per_second"), stats.get("dirtyrate.calc_period")
    if stats.get("dirtyrate.calc_status") != _MEASURED or not seconds or rate is None or rate < 0:
        return None
    return DirtyRate(seconds=int(seconds), bps=int(rate) * MIB)
