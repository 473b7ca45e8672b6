"""`make record`: real live migrations in the lab by plain libvirt, written down as data for tests.

All scenarios whose file is missing, or those that are named: a file in tests/data/runs for each.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.before import known_before
from bench.live import Live, Seen
from bench.scenarios import SCENARIOS, Scenario, What
from hosts import gateway
from hosts.calls.steer import LimitDowntime
from hosts.facts.endpoint import Endpoint, Transport
from hosts.facts.guest import JobStats
from hosts.facts.memory_use import MIB
from lab import GuestSpec, Lab, TickReceiver, Wanted

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "data" / "runs"
SOURCE, TARGET = "kvm-a", "kvm-b"
BOOT_SECONDS = 90
#: the memory is filled when QEMU's has not grown for so long; then the VM does what it will do
SETTLE_SECONDS = 6
#: after the end; QEMU before 9.0 may have lost memory of an emulated VM (docs/measured.md)
HEARD_SECONDS = 3
#: a file has no more of them, and all that begin a pass
MOST_SAMPLES = 200
MEGABIT = 1024 * 1024 * 8 / 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="record", description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios of bench/scenarios.py")
    parser.add_argument("--prefix", default="record")
    options = parser.parse_args()
    if strange := set(options.names) - {scenario.name for scenario in SCENARIOS}:
        parser.error(f"no such scenario: {', '.join(sorted(strange))}")
    wanted = [one for one in SCENARIOS if one.name in options.names or not (options.names or _file(one).exists())]
    lab = Lab.up(Wanted(prefix=options.prefix, profile="test", use_gluster=False, owned=True), with_guests=False)
    try:
        software = {key: lab.status()["hosts"][0][key] for key in ("libvirt", "qemu")}
        for scenario in wanted:
            run = record(lab, scenario, software)
            _file(scenario).parent.mkdir(parents=True, exist_ok=True)
            _file(scenario).write_text(_text(run))
            about = run["about"]
            print(f"{scenario.name}: {about['ended']} after {about['duration_ms']} ms", flush=True)
    finally:
        lab.down()


def record(lab: Lab, scenario: Scenario, software: dict[str, str]) -> dict[str, Any]:
    lab.shape(None)
    guest = lab.define_guest(SOURCE, scenario.guest(SOURCE))
    with TickReceiver(*lab.ticks_address) as ticks:
        if not ticks.wait_for(guest.name, timeout=BOOT_SECONDS, since=0):
            raise SystemExit(f"{guest.name} was not heard within {BOOT_SECONDS} s")
        _settle(lab, guest)
        _shape(lab, scenario.link_mib)
        known = _before(lab, guest, ticks, scenario)
        changes_in = _changes_in(ticks, guest)
        live = Live(lab, guest, SOURCE, TARGET, scenario.flags)
        try:
            seen = _watch(lab, live, guest, scenario)
            finished = live.finished()
        finally:
            live.close()
        heard = ticks.wait_for(guest.name, timeout=HEARD_SECONDS)
        gap = ticks.largest_hole(guest.name, live.began, time.monotonic())
    for host in lab.hosts.values():
        for action in ("destroy", "undefine"):
            host.virsh(action, guest.name, check=False)
    about = {
        "name": scenario.name,
        "memory_mib": scenario.memory_mib,
        "writes": scenario.writes,
        "dirty_kib": guest.dirty_kib,
        "calm_kib": guest.calm_kib,
        "period_s": guest.period_s,
        "hot_mib": guest.hot_mib if guest.dirty_kib else 0,
        "link_mib": scenario.link_mib,
        "flags": [str(flag) for flag in scenario.flags],
        "changes": [asdict(change) for change in scenario.changes if change.at_s < live.ended - live.began],
        "changes_in_s": changes_in,
        "twin_of": scenario.twin_of,
        **software,
        "before": known,
        "ended": "done" if live.arrived else "aborted",
        "duration_ms": round(1000 * (live.ended - live.began)),
        "downtime_ms": finished.downtime_ms if finished else None,
        "longest_gap_ms": round(1000 * gap) if heard else None,
        "heard_after": heard,
    }
    return {"about": about, "samples": [_sample(one.stats) for one in thinned(seen)]}


def _settle(lab: Lab, guest: GuestSpec) -> None:
    connection = gateway.connect(Endpoint(transport=Transport.TCP, address=lab.hosts[SOURCE].address))
    held, since, late = 0, time.monotonic(), time.monotonic() + BOOT_SECONDS
    try:
        while time.monotonic() < min(since + SETTLE_SECONDS, late):
            now = connection.passes.memory.use(guest.uuid).resident or 0
            if now > held + MIB:
                held, since = now, time.monotonic()
            time.sleep(0.5)
    finally:
        connection.close()


def _watch(lab: Lab, live: Live, guest: GuestSpec, scenario: Scenario) -> list[Seen]:
    seen: list[Seen] = []
    left = list(scenario.changes)
    aborted = False
    for one in live.looks():
        seen.append(one)
        while left and left[0].at_s <= one.at_s:
            change = left.pop(0)
            match change.what:
                case What.LINK:
                    for host in lab.hosts.values():
                        host.link("mig", up=change.value > 0)
                    if change.value:
                        _shape(lab, change.value)
                case What.DOWNTIME:
                    live.source.set_limit(guest.uuid, LimitDowntime(change.value))
                case What.PAUSE:
                    live.source.suspend(guest.uuid)
        if one.at_s > scenario.seconds and not aborted:
            live.abort()
            aborted = True
    return seen


def _before(lab: Lab, guest: GuestSpec, ticks: TickReceiver, scenario: Scenario) -> dict[str, Any]:
    """What is known before, and then it is time. Of a VM that rarely changes it is what it does then."""
    changing = scenario.writes == "changing"
    if changing:
        _wait_for_its_time(ticks, guest, scenario)
    here, there = lab.hosts[SOURCE], lab.hosts[TARGET]
    connection = gateway.connect(Endpoint(transport=Transport.TCP, address=here.address))
    try:
        known = known_before(connection, guest.uuid, here, there)
    finally:
        connection.close()
    if not changing:
        _wait_for_its_time(ticks, guest, scenario)
    return known


def _changes_in(ticks: TickReceiver, guest: GuestSpec) -> float | None:
    """Seconds until the VM next writes more, or less, by its own clock."""
    if not guest.period_s:
        return None
    last = ticks.ticks(guest.name)[-1]
    now = last.sent_ns / 1e9 + time.monotonic() - last.arrived
    return round(guest.period_s - now % guest.period_s, 1)


def _wait_for_its_time(ticks: TickReceiver, guest: GuestSpec, scenario: Scenario) -> None:
    """Until the busy time, or the calm one, begins by the VM's own clock."""
    if not guest.period_s:
        return
    turn, wanted = 2 * guest.period_s, guest.period_s if scenario.calm_first else 0
    while True:
        ticks.wait_for(guest.name, timeout=BOOT_SECONDS)
        now = ticks.ticks(guest.name)[-1].sent_ns / 1e9
        if (now - wanted) % turn < 1:
            return


def _shape(lab: Lab, mib: int | None) -> None:
    lab.shape(None if mib is None else round(mib * MEGABIT))


def thinned(seen: Sequence[Seen], most: int = MOST_SAMPLES) -> list[Seen]:
    """The first of each pass, the last of all, and of the others as many as there is room for."""
    step = -(-len(seen) // most)
    passes = [one.stats.iteration for one in seen]
    return [
        one
        for number, one in enumerate(seen)
        if number % step == 0 or number == len(seen) - 1 or passes[number] != passes[number - 1]
    ]


def _sample(stats: JobStats) -> dict[str, Any]:
    return {name: value for name, value in asdict(stats).items() if value is not None and name != "kind"}


def _file(scenario: Scenario) -> Path:
    return FOLDER / f"{scenario.name}.json"


def _text(run: dict[str, Any]) -> str:
    samples = ",\n".join(json.dumps(sample, separators=(",", ":")) for sample in run["samples"])
    return f'{{"about": {json.dumps(run["about"])},\n"samples": [\n{samples}\n]}}\n'


if __name__ == "__main__":
    main()
