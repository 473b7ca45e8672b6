"""A migration that copies memory, look by look, for tests of what a policy decides."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from migrations_app.domain.convergence.action import Act, Action
from migrations_app.domain.convergence.decide import decide
from migrations_app.domain.convergence.policy import Policy
from migrations_app.domain.convergence.track import Track
from migrations_app.domain.progress import Phase, Progress

MIB = 1024 * 1024
GIB = 1024 * MIB
LOOK_MS = 500
RATE = 100 * MIB


@dataclass
class Running:
    """`look` is half a second of copying, `new_pass` begins one that has so much left. What a policy decides is in
    `decided`, with the time of the job; it is applied at once unless `deaf`."""

    policy: Policy
    track: Track = field(default_factory=Track)
    total: int = 2 * GIB
    rate: int | None = RATE
    dirty: int | None = 2 * RATE
    deaf: bool = False
    decided: list[tuple[int, Action]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = Progress(
            phase=Phase.MEMORY,
            elapsed_ms=0,
            iteration=1,
            total_bytes=self.total,
            remaining_bytes=self.total,
            allowed_downtime_ms=self.policy.start_downtime_ms,
            moved_at_ms=0,
        )

    @property
    def acts(self) -> list[Act]:
        return [action.act for _, action in self.decided]

    @property
    def last(self) -> Action:
        return self.decided[-1][1]

    @property
    def downtimes(self) -> list[int | None]:
        return [action.downtime_ms for _, action in self.decided]

    def look(self, ms: int = LOOK_MS, **shown: Any) -> None:
        """One more look, `ms` after the last; `shown` overrides what is seen at it alone."""
        elapsed = (self.now.elapsed_ms or 0) + ms
        self.now = replace(
            self.now, elapsed_ms=elapsed, rate_bps=self.rate, dirty_bps=self.dirty, moved_at_ms=elapsed, no_data_ms=None
        )
        seen = replace(self.now, **shown)
        self.track, actions = decide(self.policy, Track.from_json(self.track.as_json()), seen)
        self.decided += [(elapsed, action) for action in actions]
        for action in actions:
            if action.downtime_ms is not None and not self.deaf:
                self.now = replace(self.now, allowed_downtime_ms=action.downtime_ms)

    def run(self, seconds: float, **shown: Any) -> None:
        for _ in range(int(seconds * 1000 / LOOK_MS)):
            self.look(**shown)

    def new_pass(self, left: int, seconds: float = 4) -> None:
        """It begins at a look, and takes so long."""
        self.now = replace(
            self.now,
            iteration=(self.now.iteration or 0) + 1,
            pass_at_ms=(self.now.elapsed_ms or 0) + LOOK_MS,
            pass_remaining_bytes=left,
            remaining_bytes=left,
        )
        self.run(seconds)

    def passes(self, *left: int, seconds: float = 4) -> None:
        for one in left:
            self.new_pass(one, seconds)
