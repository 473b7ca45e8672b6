"""What a policy remembers of a migration from one look to the next. Stored with it: an adopter goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from migrations_app.domain.convergence.policy import Consents


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What was left to copy when a pass began, and when that was by the policy's clock."""

    number: int
    at_ms: int
    remaining_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """`throttled`: QEMU may slow the VM down in this migration. `post_copy`: it began so that the policy may switch to
    post-copy. `extra_ms`: how much longer the real pause was than
    remaining ÷ rate in earlier migrations between these hosts.

    `clock_ms` is the policy's clock: it counts while memory is copied and the network is up. All other times are of
    this clock, except two of libvirt's: `looked_at_ms`, the last look, and `pass_at_ms`, the newest pass seen.
    `down_ms`: for how long the network was down in the newest pass.

    `rate_bps` is smoothed, `best_rate_bps` is what it was at best lately. `newest` is the newest pass that can be
    trusted, `lows` are the passes that had less left than any before, oldest first: only these are needed.
    `stalled_at_ms`: since when passes have stalled, None while they do not. `relaxed`: how often nothing better came
    within the patience, `target_bytes`: what was left then, and is good enough since. `wanted_ms`: the downtime that
    the policy allows now. `acted_at_ms`: when the last step of the ladder was taken, `acted_pass`: in which pass,
    `hopeful`: whether it should do. `throttle_percent`: by how much QEMU slows the VM down, `slowed_pass`: since
    which pass; QEMU begins no earlier than after the second.

    `last_resort` is the one taken last, "" for none yet, `last_resort_at_ms` when, and `finishes` how often FINISH was.
    """

    consents: Consents = field(default_factory=Consents)
    throttled: bool = False
    post_copy: bool = False
    extra_ms: int = 0
    clock_ms: int = 0
    looked_at_ms: int | None = None
    pass_at_ms: int | None = None
    down_ms: int = 0
    rate_bps: int | None = None
    best_rate_bps: int | None = None
    newest: Pass | None = None
    lows: tuple[Pass, ...] = ()
    stalled_at_ms: int | None = None
    relaxed: int = 0
    target_bytes: int | None = None
    wanted_ms: int | None = None
    acted_at_ms: int | None = None
    acted_pass: int | None = None
    hopeful: bool = False
    throttle_percent: int = 0
    slowed_pass: int = 2
    last_resort: str = ""
    last_resort_at_ms: int | None = None
    finishes: int = 0

    def as_json(self) -> dict[str, Any]:
        made = asdict(self)
        return {**made, "lows": list(made["lows"]), "consents": self.consents.as_json()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Track:
        """{} is the very beginning."""
        known = {one.name: stored[one.name] for one in fields(cls) if one.name in stored}
        made = cls(**{**known, "consents": Consents.from_json(known.get("consents", {}))})
        newest = stored.get("newest")
        lows = tuple(Pass(**one) for one in known.get("lows", ()))
        return replace(made, newest=Pass(**newest) if newest else None, lows=lows)
