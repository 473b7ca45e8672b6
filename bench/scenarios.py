"""The migrations that `make record` records: what the VM writes, what the link carries, what happens on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from hosts.calls.move import Flag
from lab import GuestSpec


class What(StrEnum):
    """What is changed: MiB/s of the link (0: it is cut), ms of the allowed downtime, the VM is paused."""

    LINK = "link"
    DOWNTIME = "downtime"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Change:
    at_s: float
    what: What
    value: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`link_mib` in MiB/s, None without a limit. `dirty` and `calm`: how many times as fast as the link the VM writes
    (MiB/s without a limit), each for `period_s` in turn when that is set; the migration begins with the calm time when
    `calm_first`. It is aborted after `seconds`. `twin_of`: the same VM on the same link, once more."""

    name: str
    link_mib: int | None = 8
    dirty: float = 0
    calm: float = 0
    period_s: int = 0
    calm_first: bool = False
    hot_mib: int = 24
    fill_mib: int = 48
    memory_mib: int = 128
    flags: tuple[Flag, ...] = ()
    changes: tuple[Change, ...] = ()
    seconds: int = 60
    twin_of: str = ""

    @property
    def writes(self) -> str:
        if not self.period_s:
            return "busy" if self.dirty else "idle"
        return "bursty" if self.period_s < self.seconds / 4 else "changing"

    def kib(self, times: float) -> int:
        return round(times * (self.link_mib or 1) * 1024)

    def guest(self, host: str) -> GuestSpec:
        return GuestSpec(
            self.name,
            host,
            storage="",
            memory_mib=self.memory_mib,
            fill_mib=self.fill_mib,
            hot_mib=self.hot_mib,
            dirty_kib=self.kib(self.dirty),
            calm_kib=self.kib(self.calm),
            period_s=self.period_s,
        )


def _again(*scenarios: Scenario) -> tuple[Scenario, ...]:
    """Each of them twice: what the first migration tells of the second."""
    twins = (replace(one, name=f"{one.name}-again", twin_of=one.name) for one in scenarios)
    return tuple(one for pair in zip(scenarios, twins, strict=True) for one in pair)


def _link(at_s: float, mib: int) -> Change:
    return Change(at_s, What.LINK, mib)


def _larger(
    name: str, *, link_mib: int | None, dirty: float, calm: float = 0, period_s: int = 0, calm_first: bool = False
) -> Scenario:
    """A larger VM, over a link that is fast enough for it to take seconds."""
    return Scenario(
        name=name,
        link_mib=link_mib,
        dirty=dirty,
        calm=calm,
        period_s=period_s,
        calm_first=calm_first,
        memory_mib=384,
        fill_mib=160,
        hot_mib=96,
        seconds=25,
    )


#: For forecasts: nothing is changed on the way.
FORESEEN = (
    *_again(
        Scenario(name="idle-32", link_mib=32, memory_mib=256, fill_mib=96),
        Scenario(name="idle-64-large", link_mib=64, memory_mib=512, fill_mib=320),
        Scenario(name="idle-unshaped-large", link_mib=None, memory_mib=512, fill_mib=320),
        _larger("busy-32-0.3", link_mib=32, dirty=0.3),
        _larger("busy-32-0.6", link_mib=32, dirty=0.6),
        _larger("busy-32-1.8", link_mib=32, dirty=1.8),
        _larger("busy-48-0.5", link_mib=48, dirty=0.5),
        _larger("bursty-32-light", link_mib=32, dirty=0.8, calm=0.1, period_s=1),
        _larger("bursty-32-heavy", link_mib=32, dirty=3, calm=1.5, period_s=2),
        _larger("changing-32-calmer", link_mib=32, dirty=2.2, calm=0.1, period_s=20),
        _larger("changing-32-later", link_mib=32, dirty=2.2, calm=0.2, period_s=25, calm_first=True),
        Scenario(name="idle-16", link_mib=16, memory_mib=256, fill_mib=64),
        Scenario(name="idle-64-empty", link_mib=64, memory_mib=512, fill_mib=8),
        Scenario(name="busy-16-0.4", link_mib=16, dirty=0.4, hot_mib=48, fill_mib=64, memory_mib=192, seconds=30),
        _larger("busy-32-0.1", link_mib=32, dirty=0.1),
        Scenario(name="busy-32-small-set", link_mib=32, dirty=1.5, fill_mib=160, hot_mib=4, memory_mib=384, seconds=25),
        Scenario(name="busy-16-2.5", link_mib=16, dirty=2.5, hot_mib=64, fill_mib=80, memory_mib=192, seconds=30),
        _larger("busy-unshaped-16", link_mib=None, dirty=16),
        _larger("busy-unshaped-40", link_mib=None, dirty=40),
        _larger("bursty-unshaped", link_mib=None, dirty=40, calm=2, period_s=2),
        _larger("bursty-48-light", link_mib=48, dirty=0.5, calm=0.1, period_s=2),
    ),
)

SCENARIOS = (
    *FORESEEN,
    *_again(
        Scenario(name="idle-unshaped", link_mib=None),
        Scenario(name="idle", link_mib=8),
        Scenario(name="idle-large", link_mib=16, memory_mib=512, fill_mib=320),
        Scenario(name="idle-slow-link", link_mib=4),
        Scenario(name="busy-unshaped", link_mib=None, dirty=24),
        Scenario(name="busy-0.3", dirty=0.3),
        Scenario(name="busy-0.8", dirty=0.8, seconds=70),
        Scenario(name="bursty-long", dirty=3, calm=0.1, period_s=7, calm_first=True),
    ),
    Scenario(name="busy-1.5", dirty=1.5, seconds=45),
    Scenario(name="busy-3", dirty=3),
    Scenario(name="busy-3-small-set", dirty=3, hot_mib=4),
    Scenario(name="busy-1.5-throttled", dirty=1.5, flags=(Flag.AUTO_CONVERGE,), seconds=70),
    Scenario(name="busy-1.5-compressed", dirty=1.5, flags=(Flag.COMPRESSED,)),
    Scenario(name="busy-3-more-downtime", dirty=3, changes=(Change(30, What.DOWNTIME, 6000),)),
    Scenario(name="busy-3-paused", dirty=3, changes=(Change(25, What.PAUSE),)),
    Scenario(name="bursty-short", dirty=3, calm=0.1, period_s=2, seconds=45),
    Scenario(name="changing-calmer", dirty=3, calm=0.2, period_s=30),
    Scenario(name="changing-busier", dirty=3, calm=0.8, period_s=20, calm_first=True),
    Scenario(name="idle-cut", memory_mib=256, fill_mib=160, changes=(_link(6, 0), _link(21, 8)), seconds=70),
    Scenario(name="busy-0.8-cut", dirty=0.8, changes=(_link(14, 0), _link(29, 8)), seconds=70),
    Scenario(name="idle-slower", memory_mib=256, fill_mib=128, changes=(_link(6, 3),), seconds=70),
    Scenario(name="busy-0.5-slower", dirty=0.5, changes=(_link(11, 3),), seconds=60),
    Scenario(name="busy-1.5-faster", dirty=1.5, changes=(_link(30, 32),)),
)
