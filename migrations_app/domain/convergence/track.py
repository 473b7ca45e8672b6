"""What a policy remembers of a migration from one look to the next. Stored with it: an adopter goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from migrations_app.domain.convergence.policy import Consents


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What was left to copy when a pass began, and when that was, in libvirt's time of the job."""

    number: int
    at_ms: int
    remaining_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """`throttled`: QEMU may slow the VM down in this migration. `extra_ms`: how much longer the real pause was than
    remaining ÷ rate in earlier migrations between these hosts. `rate_bps`: smoothed. `passes`: those that still count,
    oldest first. `wanted_ms`: the downtime that the policy allows now. `topped_at_ms`: when the top of the ladder was
    reached without an end. `last_resort_at_ms`: when the last resort was taken. All in libvirt's time of the job.
    """

    consents: Consents = field(default_factory=Consents)
    throttled: bool = False
    extra_ms: int = 0
    rate_bps: int | None = None
    best_rate_bps: int | None = None
    passes: tuple[Pass, ...] = ()
    wanted_ms: int | None = None
    topped_at_ms: int | None = None
    last_resort_at_ms: int | None = None
    acted_at_ms: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "consents": self.consents.as_json()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Track:
        """{} is the very beginning."""
        known = {one.name: stored[one.name] for one in fields(cls) if one.name in stored}
        made = cls(**known)
        passes = tuple(one if isinstance(one, Pass) else Pass(**one) for one in made.passes)
        consents = made.consents if isinstance(made.consents, Consents) else Consents.from_json(made.consents)
        return replace(made, passes=passes, consents=consents)
