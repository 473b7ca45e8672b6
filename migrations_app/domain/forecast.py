"""How long a move may take, from what earlier moves between the same two hosts showed. Without one nothing is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

#: a link that carries this much more than the guest writes lets it end
ENOUGH = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An earlier move that ended well. Bytes and seconds of its transfer; `dirty_bps` as libvirt counted it last."""

    same_guest: bool
    transferred_bytes: int
    seconds: float
    downtime_ms: int | None = None
    dirty_bps: int | None = None

    @property
    def bps(self) -> float:
        return self.transferred_bytes / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Milliseconds from the lowest to the highest, of the copying alone. `low_ms` None: at most `high_ms`; both None:
    not known.

    `ends`: whether the guest wrote less than the link carried when it was moved before; None when it never was.
    """

    runs: int
    bps: float
    low_ms: float | None = None
    high_ms: float | None = None
    downtime_low_ms: int | None = None
    downtime_high_ms: int | None = None
    dirty_bps: int | None = None
    ends: bool | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Forecast | None:
        """What was foreseen once; {} when nothing was."""
        return (
            cls(**{field.name: stored[field.name] for field in fields(cls) if field.name in stored}) if stored else None
        )


def forecast(
    runs: Sequence[Run], *, memory_bytes: int, with_disks: bool, limit_bps: float | None = None
) -> Forecast | None:
    """None without a run to learn from. `memory_bytes`: all that a first move without disks can have to send."""
    usable = [run for run in runs if run.seconds > 0 and run.transferred_bytes > 0]
    if not usable:
        return None
    rates = [min(run.bps, limit_bps or run.bps) for run in usable]
    own = [run.transferred_bytes for run in usable if run.same_guest]
    low = min(own) / max(rates) * 1000 if own else None
    if own:
        high: float | None = max(own) / min(rates) * 1000
    else:  # how much is on its disks is not known before they were copied once
        high = None if with_disks else memory_bytes / min(rates) * 1000
    stood = [run.downtime_ms for run in usable if run.downtime_ms is not None]
    written = [run.dirty_bps for run in usable if run.same_guest and run.dirty_bps is not None]
    return Forecast(
        runs=len(usable),
        bps=min(rates),
        low_ms=low,
        high_ms=high,
        downtime_low_ms=min(stood, default=None),
        downtime_high_ms=max(stood, default=None),
        dirty_bps=max(written, default=None),
        ends=min(rates) > max(written) * ENOUGH if written else None,
    )
