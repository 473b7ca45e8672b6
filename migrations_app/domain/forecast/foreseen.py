"""What is foreseen of a migration, as it is stored and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any


class Ending(StrEnum):
    """Whether the VM's passes end by themselves. `NEEDS_HELP`: by throttling, a longer downtime or post-copy only."""

    CONVERGES = "converges"
    NEEDS_HELP = "needs_help"
    UNCERTAIN = "uncertain"


class RateFrom(StrEnum):
    TRANSFERS = "transfers"  # earlier migrations between the two hosts
    PROBE = "probe"  # a stream that a user had sent between them
    NOMINAL = "nominal"  # what the source's network interface says of itself


class DirtyFrom(StrEnum):
    MEASURED = "measured"  # right before
    EARLIER = "earlier"  # in an earlier migration of the same VM


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Milliseconds of libvirt's job, from the lowest to the highest; `likely_ms` is the most likely.

    `low_ms` None: the guest was not moved before, and `high_ms` is one pass over all of its memory; `high_ms` None: it
    may take any time; both None: not known. `bps` is the slowest that the link carried, `ends` whether the passes end
    by themselves; None when that is not known. Of a `paused` guest only the time is foreseen. `pauses`: its kind pauses
    the guest while memory is copied, so it always converges, and without disks the downtime is the time. `stops`: its
    kind shuts the guest down, and the downtime is from the request to shut down until it runs again; without `runs` it
    is what the options allow.

    `verdict` is an Ending, `rate_from` a RateFrom, `dirty_from` a DirtyFrom; "" is not known. `first_bytes`: what
    the first pass has to send, most likely; `resident_bytes`: what QEMU held of the host's memory. `rate_bps`: what
    the path carries, most likely; from a nominal rate, the most that it can; `rate_at`: when a probe stream measured
    it, in ISO 8601. `correction`: earlier migrations took
    so many times as long as the model of their passes says. `dirty_low_bps` and `dirty_high_bps`: what the dirty
    rate may be. `proposes`: the policy that ends it, "" when none is needed, none is allowed or nothing is known;
    `proposes_by`: how (see proposal.py)."""

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
    first_bytes: int | None = None
    resident_bytes: int | None = None
    correction: float = 1.0
    limit_bps: int | None = None
    rate_bps: float | None = None
    ends: bool | None = None
    verdict: str = ""
    rate_from: str = RateFrom.TRANSFERS
    rate_at: str = ""
    dirty_from: str = ""
    proposes: str = ""
    proposes_by: str = ""
    paused: bool = False
    pauses: bool = False
    stops: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Forecast | None:
        """What was foreseen once; {} when nothing was."""
        if not stored:
            return None
        return cls(**{field.name: stored[field.name] for field in fields(cls) if field.name in stored})
