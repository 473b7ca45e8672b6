"""`make bench`: a move through kvmweb's API until it is verified, against `virsh migrate` with the same flags.

Same VM, same hosts, same link, one after the other in turn. What counts are the differences within pairs of one run:
single times of a machine that does other things too mean little.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab import Lab, TickReceiver, Wanted
from tests.lab.serving import Serving

ROOT = Path(__file__).resolve().parent.parent
GUEST = "web-01"
CONTROL = "build-01"
PARTS = ("dispatch", "connect", "facts", "transfer", "verify")
#: a guest that was not moved and still fell silent this long says that the machine was too busy to measure
QUIET_SECONDS = 0.5


@dataclass
class Series:
    """Seconds per pair; `parts` of ours as kvmweb's own clock splits them."""

    transport: str
    ours: list[float] = field(default_factory=list)
    virsh: list[float] = field(default_factory=list)
    parts: dict[str, list[float]] = field(default_factory=lambda: {part: [] for part in PARTS})
    control_hole: list[float] = field(default_factory=list)

    def lines(self) -> list[str]:
        added = [1000 * (mine - theirs) for mine, theirs in zip(self.ours, self.virsh, strict=True)]
        ratios = [mine / theirs for mine, theirs in zip(self.ours, self.virsh, strict=True)]
        split = ", ".join(f"{part} {1000 * statistics.median(self.parts[part]):.0f}" for part in PARTS)
        noisy = sum(hole > QUIET_SECONDS for hole in self.control_hole)
        return [
            f"{self.transport}: {len(added)} pairs of {GUEST}",
            f"  kvmweb {_ms(self.ours)}   virsh {_ms(self.virsh)}   (medians)",
            f"  kvmweb adds {statistics.median(added):.0f} ms, ratio {statistics.median(ratios):.2f}"
            f"   (pairs: {', '.join(f'{value:.0f}' for value in added)} ms)",
            f"  kvmweb's parts in ms: {split}",
            f"  pairs in which {CONTROL}, which was not moved, was silent for more than {QUIET_SECONDS} s: {noisy}",
        ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--prefix", default="bench")
    options = parser.parse_args()
    lab = Lab.up(Wanted(prefix=options.prefix, hosts=2, profile="test", owned=True))
    try:
        series = [_measure(lab, "tcp", options.pairs), _measure(lab, "ssh", options.pairs)]
    finally:
        lab.down()
    versions = f"load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}"
    report = [
        f"Move of a running VM, request to verified end ({versions})",
        *(line for one in series for line in one.lines()),
    ]
    print("\n".join(report))
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "last.json").write_text(json.dumps([asdict(one) for one in series], indent=1) + "\n")


def _measure(lab: Lab, transport: str, pairs: int) -> Series:
    lab.reset()
    series = Series(transport)
    with tempfile.TemporaryDirectory() as folder, TickReceiver(*lab.ticks_address) as ticks:
        serving = Serving(lab, Path(folder), transport=transport, peer=transport)
        serving.prepare()
        serving.start()
        try:
            serving.register_hosts()
            serving.wait_for_guest(GUEST, "kvm-a")
            for number in range(pairs + 1):
                since = time.monotonic()
                # there with one, back with the other; the next pair the other way round
                first, second = (_by_kvmweb, _by_virsh) if number % 2 else (_by_virsh, _by_kvmweb)
                times = {first: first(serving, series, "kvm-a", "kvm-b")}
                times[second] = second(serving, series, "kvm-b", "kvm-a")
                if number == 0:  # warms both up
                    series.parts = {part: [] for part in PARTS}
                    continue
                series.ours.append(times[_by_kvmweb])
                series.virsh.append(times[_by_virsh])
                series.control_hole.append(ticks.largest_hole(CONTROL, since, time.monotonic()))
        finally:
            serving.stop()
    return series


def _by_kvmweb(serving: Serving, series: Series, source: str, target: str) -> float:
    uuid = serving.wait_for_guest(GUEST, source)["uuid"]
    began = time.monotonic()
    answer = serving.post("/migrations", {"guest": uuid, "target": target})
    while not (row := serving.migration(answer.body["id"]))["terminal"]:
        time.sleep(0.02)
    took = time.monotonic() - began
    if row["state"] != "done":
        sys.exit(f"The move did not succeed: {row['state_text']}")
    if missing := set(PARTS) - set(row["timings"]):
        sys.exit(f"Another worker took the move over; it has no time of {', '.join(sorted(missing))}.")
    for part in PARTS:
        series.parts[part].append(row["timings"][part])
    return took


def _by_virsh(serving: Serving, series: Series, source: str, target: str) -> float:
    there = serving.lab.hosts[target]
    serving.wait_for_guest(GUEST, source)
    flags = ["--live", "--p2p", "--persistent", "--undefinesource"]
    scheme = "qemu+ssh://root@" if series.transport == "ssh" else "qemu+tcp://"
    here = serving.lab.hosts[source]
    began = time.monotonic()
    here.virsh("migrate", *flags, GUEST, f"{scheme}{target}/system", f"tcp://{there.migration_address}")
    return time.monotonic() - began


def _ms(values: list[float]) -> str:
    return f"{1000 * statistics.median(values):.0f} ms"


if __name__ == "__main__":
    main()
