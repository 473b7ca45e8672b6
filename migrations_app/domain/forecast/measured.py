"""What a check measures of a running VM for the forecast, as it is stored with the check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hosts.facts.memory_use import DirtyRate


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """None is not known. `nominal_bps`: of the network interface by which the source reaches the destination."""

    memory_bytes: int | None = None
    resident_bytes: int | None = None
    dirty: DirtyRate | None = None
    nominal_bps: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Measured:
        dirty = stored.get("dirty")
        return cls(
            memory_bytes=stored.get("memory_bytes"),
            resident_bytes=stored.get("resident_bytes"),
            dirty=DirtyRate(**dirty) if dirty else None,
            nominal_bps=stored.get("nominal_bps"),
        )
