"""A migration through kvmweb's API until it is verified, beside `virsh migrate` with the same flags.

Same VM, same hosts, same link, by TCP and by ssh, one after the other in turn. What counts are the differences within
rounds of one run: single times of a machine that does other things too mean little.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.footprint import Footprint, footprint
from lab import Lab, TickReceiver, Wanted
from tests.lab.serving import Serving

ROOT = Path(__file__).resolve().parent.parent
OURS = "kvmweb"
GUEST = "web-01"
CONTROL = "build-01"
PARTS = ("dispatch", "connect", "facts", "transfer", "verify")
TRANSPORTS = ("tcp", "ssh")
#: what kvmweb may add to virsh, in ms
AIM = 300
#: when a guest that does not migrate is silent this long, the machine is too busy to measure
QUIET_SECONDS = 0.5
Mover = Callable[[str, str], float]


@dataclass
class Series:
    """Seconds per round and mover; `parts` of ours as kvmweb's own clock splits them."""

    transport: str
    times: dict[str, list[float]] = field(default_factory=dict)
    parts: dict[str, list[float]] = field(default_factory=lambda: {part: [] for part in PARTS})
    control_hole: list[float] = field(default_factory=list)
    idle: Footprint | None = None

    def verdict(self) -> str:
        more, ratio, _ = self._compared("virsh")
        word = "reached" if more <= AIM else "missed"
        return f"  {self.transport:4} kvmweb adds {more:+.0f} ms to virsh, ratio {ratio:.2f}   (aim: {AIM} ms, {word})"

    def lines(self) -> list[str]:
        medians = "   ".join(f"{mover} {_ms(times)}" for mover, times in self.times.items())
        split = ", ".join(f"{part} {1000 * statistics.median(self.parts[part]):.0f}" for part in PARTS)
        noisy = sum(hole > QUIET_SECONDS for hole in self.control_hole)
        others = [mover for mover in self.times if mover != OURS]
        return [
            f"{self.transport}: {len(self.control_hole)} rounds of {GUEST}",
            f"  {medians}   (medians)",
            *(self._beside(other) for other in others),
            f"  kvmweb's parts in ms: {split}",
            f"  kvmweb's memory afterwards, idle: {self.idle}",
            f"  rounds in which {CONTROL}, which did not migrate, was silent for more than {QUIET_SECONDS} s: {noisy}",
        ]

    def _beside(self, other: str) -> str:
        more, ratio, rounds = self._compared(other)
        each = ", ".join(f"{value:.0f}" for value in rounds)
        return f"  beside {other}: {more:+.0f} ms, ratio {ratio:.2f}   (rounds: {each} ms)"

    def _compared(self, other: str) -> tuple[float, float, list[float]]:
        """Medians of the difference in ms and of the ratio; the differences."""
        rounds = list(zip(self.times[OURS], self.times[other], strict=True))
        more = [1000 * (mine - theirs) for mine, theirs in rounds]
        return statistics.median(more), statistics.median(mine / theirs for mine, theirs in rounds), more


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--beside", type=Path, help="a checkout of another kvmweb, measured in the same run")
    parser.add_argument("--prefix", default="bench")
    options = parser.parse_args(arguments)
    lab = Lab.up(Wanted(prefix=options.prefix, hosts=2, profile="test", owned=True))
    try:
        series = _measure(lab, options.rounds, options.beside)
    finally:
        lab.down()
    versions = f"load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}"
    report = [
        f"Migration of a running VM, from the request until it is verified ({versions})",
        *(one.verdict() for one in series),
        *(line for one in series for line in one.lines()),
    ]
    print("\n".join(report))
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "last.json").write_text(json.dumps([asdict(one) for one in series], indent=1) + "\n")


def _measure(lab: Lab, rounds: int, beside: Path | None) -> list[Series]:
    lab.reset()
    with ExitStack() as stack:
        ticks = stack.enter_context(TickReceiver(*lab.ticks_address))
        series = {transport: Series(transport) for transport in TRANSPORTS}
        turns = [(one, *mover) for one in series.values() for mover in _movers(stack, lab, one, beside)]
        here, there = "kvm-a", "kvm-b"
        for number in range(rounds + 1):
            since = time.monotonic()
            first = number % len(turns)  # each is first in its turn
            for one, name, move in turns[first:] + turns[:first]:
                one.times[name].append(move(here, there))
                here, there = there, here
            last = (f"{one.transport} {name} {1000 * one.times[name][-1]:.0f}" for one, name, _ in turns)
            print(f"round {number} of {rounds} in ms: {', '.join(last)}", file=sys.stderr, flush=True)
            for one in series.values():
                one.control_hole.append(ticks.largest_hole(CONTROL, since, time.monotonic()))
                if number == 0:  # warms all up
                    for kept in (*one.times.values(), *one.parts.values(), one.control_hole):
                        kept.clear()
    return list(series.values())


def _movers(stack: ExitStack, lab: Lab, series: Series, beside: Path | None) -> list[tuple[str, Mover]]:
    ours = _serving(stack, lab, series.transport, ROOT)
    stack.callback(lambda: setattr(series, "idle", footprint(ours.pids())))
    movers: dict[str, Mover] = {OURS: partial(_by_kvmweb, ours, series.parts), "virsh": partial(_by_virsh, ours)}
    if beside is not None:
        unused: dict[str, list[float]] = {part: [] for part in PARTS}
        movers["the other kvmweb"] = partial(_by_kvmweb, _serving(stack, lab, series.transport, beside), unused)
    series.times = {name: [] for name in movers}
    return list(movers.items())


def _serving(stack: ExitStack, lab: Lab, transport: str, root: Path) -> Serving:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    serving = Serving(lab, folder, transport=transport, peer=transport, root=root)
    serving.prepare()
    serving.start()
    stack.callback(serving.stop)
    serving.register_hosts()
    serving.wait_for_guest(GUEST, "kvm-a")
    return serving


def _by_kvmweb(serving: Serving, parts: dict[str, list[float]], source: str, target: str) -> float:
    uuid = serving.wait_for_guest(GUEST, source)["uuid"]
    began = datetime.now(UTC)
    answer = serving.post("/migrations", {"guest": uuid, "target": target})
    while not (row := serving.migration(answer.body["id"]))["terminal"]:
        time.sleep(0.25)  # looking more often would be measured too
    took = (datetime.fromisoformat(row["finished_at"]) - began).total_seconds()
    if row["state"] != "done":
        sys.exit(f"The migration did not succeed: {row['state_text']}")
    if missing := set(PARTS) - set(row["timings"]):
        sys.exit(f"Another worker took over the migration; times are missing: {', '.join(sorted(missing))}.")
    for part in PARTS:
        parts[part].append(row["timings"][part])
    return took


def _by_virsh(serving: Serving, source: str, target: str) -> float:
    there = serving.lab.hosts[target]
    serving.wait_for_guest(GUEST, source)
    flags = ["--live", "--p2p", "--persistent", "--undefinesource"]
    scheme = "qemu+ssh://root@" if serving.transport == "ssh" else "qemu+tcp://"
    here = serving.lab.hosts[source]
    began = time.monotonic()
    here.virsh("migrate", *flags, GUEST, f"{scheme}{target}/system", f"tcp://{there.migration_address}")
    return time.monotonic() - began


def _ms(values: list[float]) -> str:
    return f"{1000 * statistics.median(values):.0f} ms"
