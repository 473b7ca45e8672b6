"""How others make a migration end whose VM writes faster than the link carries: pure functions of libvirt's numbers.

Numbers and rules are those of the projects themselves, as of 2026: Nova `live_migration_*`, oVirt's migration policies
and vdsm's monitor thread, Proxmox `QemuMigrate.pm`, KubeVirt `live-migration-source.go`. None of them may use post-copy
here. Where one counts by GiB it does so in its own way: Nova takes a small VM for one of 2 GiB, KubeVirt for one of 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from hosts.calls.move import Flag
from hosts.facts.guest import JobStats

GIB = 1024**3
LADDER = (150, 200, 300, 400, 500)


class Do(StrEnum):
    DOWNTIME = "downtime"
    PAUSE = "pause"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class Step:
    """What is done now; `value` are the milliseconds of a downtime."""

    do: Do
    value: int = 0


@dataclass(slots=True)
class Recipe:
    """One migration by one recipe. `look` is given the seconds since its beginning and libvirt's numbers."""

    memory_gib: float
    due_s: float = 0

    def start_ms(self) -> int | None:
        """The downtime that is allowed from the beginning on; None leaves libvirt's own."""
        return None

    def look(self, at_s: float, stats: JobStats) -> tuple[Step, ...]:
        return ()

    def every(self, seconds: float, at_s: float) -> bool:
        """Whether it is time for its next look: they look less often than we do."""
        if at_s < self.due_s:
            return False
        self.due_s = at_s + seconds
        return True


@dataclass(slots=True)
class Nova(Recipe):
    """Ten steps of the downtime, each 75 s per GiB after the other; after 800 s per GiB it is forced: paused."""

    done: int = -1
    forced: bool = False

    def _gib(self) -> int:
        return max(2, math.ceil(self.memory_gib))

    def look(self, at_s: float, stats: JobStats) -> tuple[Step, ...]:
        if not self.every(0.5, at_s):
            return ()
        if at_s >= 800 * self._gib() and not self.forced:
            self.forced = True
            return (Step(Do.PAUSE),)
        step = min(int(at_s // (75 * self._gib())), 10)
        if step <= self.done:
            return ()
        self.done = step
        return (Step(Do.DOWNTIME, 50 + step * 450 // 10),)


@dataclass(slots=True)
class OVirt(Recipe):
    """Every 10 s one step, when QEMU is in a later pass than the step says; the last two do not wait for a pass."""

    last: tuple[Step, ...] = (Step(Do.ABORT),)
    taken: int = 0

    def start_ms(self) -> int:
        return 100

    def look(self, at_s: float, stats: JobStats) -> tuple[Step, ...]:
        if not self.every(10, at_s):
            return ()
        steps = [*zip((1, 2, 3, 4, 6), (Step(Do.DOWNTIME, ms) for ms in LADDER), strict=True)]
        steps += [(-1, step) for step in self.last]
        if self.taken == len(steps) or (stats.iteration or 0) <= steps[self.taken][0]:
            return ()
        self.taken += 1
        return (steps[self.taken - 1][1],)


@dataclass(slots=True)
class Proxmox(Recipe):
    """The downtime doubles whenever what is left has grown, or is nothing, at more than five looks; without an end."""

    allowed_ms: int = 100
    last_left: int | None = None
    grown: int = 0

    def start_ms(self) -> int:
        return self.allowed_ms

    def look(self, at_s: float, stats: JobStats) -> tuple[Step, ...]:
        left = stats.memory_remaining or 0
        if not self.every(0.1 if left < (stats.memory_bps or 0) else 1, at_s):
            return ()
        if self.last_left is not None and (left > self.last_left or left == 0):
            self.grown += 1
        self.last_left = left
        if self.grown <= 5 or self.allowed_ms >= 2_000_000:
            return ()
        self.grown = 0
        self.allowed_ms = min(2 * self.allowed_ms, 2_000_000)
        return (Step(Do.DOWNTIME, self.allowed_ms),)


@dataclass(slots=True)
class KubeVirtDeadline(Recipe):
    """Before 2026: paused after 150 s per GiB, given up when no data came for 150 s or after twice that time."""

    paused_at_s: float | None = None
    last_left: int = -1
    moved_at_s: float = 0

    def deadline_s(self) -> int:
        return 150 * max(1, math.ceil(self.memory_gib))

    def look(self, at_s: float, stats: JobStats) -> tuple[Step, ...]:
        if not self.every(0.4, at_s):
            return ()
        left = stats.memory_remaining or 0
        if left != self.last_left:
            self.last_left, self.moved_at_s = left, at_s
        if at_s - self.moved_at_s > 150 or at_s > 2 * self.deadline_s():
            return (Step(Do.ABORT),)
        if at_s < self.deadline_s() or self.paused_at_s is not None:
            return ()
        self.paused_at_s = at_s
        return (Step(Do.PAUSE),)


@dataclass(slots=True)
class KubeVirtStall(KubeVirtDeadline):
    """The stall detector of 2026: what is left at the beginning of a pass is compared with the least of more than 40 s
    ago; once it is not 4 % below that, the VM is paused at a minimum, or at the next best when none comes in time."""

    pass_number: int | None = None
    rate: float = 0
    seen: list[tuple[float, int]] = field(default_factory=list)
    target: int | None = None
    patience_s: float = 40
    target_at_s: float = 0

    def look(self, at_s: float, stats: JobStats) -> tuple[Step, ...]:
        if self.paused_at_s is not None:
            return (Step(Do.ABORT),) if at_s - self.paused_at_s > 60 else ()
        self.rate = 0.4 * (stats.memory_bps or 0) + 0.6 * (self.rate or stats.memory_bps or 0)
        left = stats.memory_remaining or 0
        if stats.iteration != self.pass_number and (stats.iteration or 0) > 1:
            self.pass_number = stats.iteration
            self.seen.append((at_s, left))
            self._judge(at_s, left)
            if self.target is not None and left <= self.target * 1.04 and self._in_time(at_s, left):
                self.paused_at_s = at_s
                return (Step(Do.PAUSE),)
        return KubeVirtDeadline.look(self, at_s, stats)

    def _judge(self, at_s: float, left: int) -> None:
        old = [remaining for when, remaining in self.seen if when <= at_s - 40]
        if not old or left <= 0.96 * min(old):
            self.target, self.patience_s = None, 40  # it does not stall, or no longer
        elif self.target is None:
            self.target, self.target_at_s = min(remaining for _, remaining in self.seen), at_s
        elif at_s - self.target_at_s > self.patience_s:
            self.target = min((rest for _, rest in self.seen if rest > self.target), default=self.target)
            self.target_at_s, self.patience_s = at_s, self.patience_s / 2

    def _in_time(self, at_s: float, left: int) -> bool:
        """The network may just have dropped: then the pause would last longer than the whole migration may."""
        return self.rate > 0 and at_s + left / self.rate <= 2 * self.deadline_s()


@dataclass(frozen=True, slots=True)
class Row:
    """How the bench begins a migration by a recipe. `cache`: XBZRLE's, as a part of the VM's memory."""

    name: str
    make: Callable[[float], Recipe]
    flags: frozenset[Flag] = frozenset()
    cache: float = 0

    def cache_bytes(self, memory_gib: float) -> int:
        """A power of two, as QEMU wants it."""
        return 2 ** round(math.log2(self.cache * memory_gib * GIB)) if self.cache else 0


_SLOWED = frozenset({Flag.AUTO_CONVERGE})
_SLOWED_AND_COMPRESSED = frozenset({Flag.AUTO_CONVERGE, Flag.COMPRESSED})
ROWS = (
    Row("virsh migrate", Recipe),
    Row("virsh migrate --auto-converge", Recipe, _SLOWED),
    Row("Nova", Nova),
    Row("oVirt, minimal downtime", OVirt, _SLOWED),
    Row(
        "oVirt, suspend if needed",
        lambda gib: OVirt(gib, last=(Step(Do.DOWNTIME, 5000), Step(Do.ABORT))),
        _SLOWED_AND_COMPRESSED,
    ),
    Row("Proxmox", Proxmox, _SLOWED_AND_COMPRESSED, cache=0.1),
    Row("KubeVirt until 2025, may pause", KubeVirtDeadline),
    Row("KubeVirt 2026, may pause", KubeVirtStall),
)
