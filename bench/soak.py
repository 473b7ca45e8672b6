"""`make soak N=50`: migrations of all methods there and back again, and what kvmweb and libvirtd hold meanwhile.

It fails when a migration is not done, when a VM is silent or runs twice, and when something grows: memory, descriptors
or connections, per kind of process. Growth is the least that was held in the last third beside the least in the first
third after all has been warmed up: what is held for a moment is no growth, and what is never given back is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.footprint import footprint
from lab import GuestSpec, Lab, TickReceiver, Wanted
from migrations_app.domain.kinds import KIND, Kind
from tests.lab.serving import Serving

MIB = 1024 * 1024
#: rounds of all journeys before it counts: caches and pools of memory fill up until then (seen: 64 migrations)
WARM_ROUNDS = 8
HEARD_SECONDS = 60
#: kvmweb puts down what it held for a migration
SETTLE_SECONDS = 2.0
#: what may be more in the end: MiB of memory, and of the others what a look in the middle of something finds
MAY_GROW = {"MiB": 1.0, "descriptors": 1.0, "connections": 1.0}
_HOSTS = ("kvm-a", "kvm-b")


@dataclass(frozen=True, slots=True)
class Journey:
    """One VM, one method. `stays`: within its host, between these pools."""

    guest: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    running: bool = True
    pools: tuple[str, ...] = ()


JOURNEYS = (
    Journey("web-01", "live"),
    Journey("old-01", "offline", running=False),
    Journey("build-01", "live_storage"),
    Journey("db-01", "suspended"),
    Journey("build-01", "storage", pools=("fast", "local")),
    Journey("db-01", "live", {"auto_converge": True}),
    Journey("cold-01", "offline_storage", running=False),
    Journey("web-01", "stop_move_start"),
)
#: beside those that every lab has
_COLD = GuestSpec("cold-01", "kvm-a", memory_mib=64, storage="local", disk_mib=32, running=False)


class Failed(Exception):
    """A migration or a VM is not as it should be."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("number", nargs="?", type=int, default=50, help="migrations that count")
    parser.add_argument("--prefix", default="soak")
    options = parser.parse_args(arguments)
    lab = Lab.up(Wanted(prefix=options.prefix, hosts=2, profile="test", owned=True))
    try:
        seen = _run(lab, options.number)
    except Failed as failed:
        sys.exit(f"failed: {failed}")
    finally:
        lab.down()
    grown = list(report(seen))
    sys.exit(f"{len(grown)} grew" if grown else 0)


def _run(lab: Lab, number: int) -> list[dict[str, float]]:
    lab.reset()
    lab.define_guest(_COLD.host, _COLD, start=False)
    with ExitStack() as stack:
        ticks = stack.enter_context(TickReceiver(*lab.ticks_address))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        serving = Serving(lab, folder, transport="ssh", peer="ssh")
        serving.prepare()
        serving.start()
        stack.callback(serving.stop)
        serving.register_hosts()
        warm = WARM_ROUNDS * len(JOURNEYS)
        seen = []
        for turn in range(warm + number):
            journey = JOURNEYS[turn % len(JOURNEYS)]
            began = time.monotonic()
            _travel(lab, serving, ticks, journey)
            took = time.monotonic() - began
            time.sleep(SETTLE_SECONDS)
            held = dict(_held(lab, serving))
            memory = ", ".join(f"{what} {held[what]:.1f}" for what in held if what.endswith("MiB"))
            print(f"{turn + 1 - warm:4} {journey.guest} {journey.kind}: {took:.0f} s, {memory}", flush=True)
            if turn >= warm:
                seen.append(held)
    return seen


def _travel(lab: Lab, serving: Serving, ticks: TickReceiver, journey: Journey) -> None:
    here = _where(lab, journey.guest)
    there = here if journey.pools else next(name for name in _HOSTS if name != here)
    options = dict(journey.options)
    if journey.pools:
        options["disks"] = {"vda": {"pool": _other_pool(lab, here, journey)}}
    serving.wait_for_guest(journey.guest, here, "running" if journey.running else "shut off")
    since = time.monotonic()
    confirm = journey.guest if KIND[Kind(journey.kind)].stops else ""
    asked = serving.migrate(journey.guest, there, kind=journey.kind, confirm=confirm, **options)
    ended = serving.wait_for_end(asked["id"], 300)
    if ended["state"] != "done":
        raise Failed(f"{journey.guest} {journey.kind}: {ended['state']}, {ended['state_text']} {ended['error']}")
    if journey.running and not ticks.wait_for(journey.guest, timeout=HEARD_SECONDS):
        raise Failed(f"{journey.guest} is silent after migration {ended['id']} ({journey.kind})")
    if ticks.ran_twice(journey.guest, since):
        raise Failed(f"{journey.guest} ran twice during migration {ended['id']} ({journey.kind})")
    for copy in serving.items("/rollback-copies"):
        if copy["state"] == "present":
            path = f"/rollback-copies/{copy['id']}/delete"
            serving.post(path, {"confirm": journey.guest}, token=serving.admin_token)


def _where(lab: Lab, guest: str) -> str:
    for name in _HOSTS:
        if guest in lab.hosts[name].virsh("list", "--all", "--name").split():
            return name
    raise Failed(f"{guest} is on no host")


def _other_pool(lab: Lab, host: str, journey: Journey) -> str:
    disk = lab.hosts[host].virsh("domblklist", journey.guest)
    return journey.pools[0] if "/images/" in disk else journey.pools[1]


def _held(lab: Lab, serving: Serving) -> Iterator[tuple[str, float]]:
    """{"web: MiB": …, "web: descriptors": …, "web: connections": …}, and the same of both libvirtd together: each has a
    few for each VM that is on its host."""
    for part in ("web", "watcher", "tasks"):
        yield from _of(part, serving.pids(f"kvmweb: {part}"))
    yield from _of("libvirtd", [pid for name in _HOSTS for pid in lab.hosts[name].daemon_pids("libvirtd")])


def _of(name: str, pids: Sequence[int]) -> Iterator[tuple[str, float]]:
    links = [link for pid in pids for link in _descriptors(pid)]
    yield f"{name}: MiB", footprint(pids).mib
    yield f"{name}: descriptors", len(links)
    yield f"{name}: connections", sum(link.startswith("socket:") for link in links)


def _descriptors(pid: int) -> Iterator[str]:
    try:
        for each in Path(f"/proc/{pid}/fd").iterdir():
            yield str(each.readlink())
    except OSError:
        return  # it has ended, or closed this one


def report(seen: Sequence[Mapping[str, float]]) -> Iterator[str]:
    """Prints each line; yields those that grew."""
    third = max(1, len(seen) // 3)
    print(f"least held in the first {third} and in the last {third} of {len(seen)} migrations")
    for what in seen[0]:
        first = min(one[what] for one in seen[:third])
        last = min(one[what] for one in seen[-third:])
        grew = last - first > MAY_GROW[what.rpartition(" ")[2]]
        print(f"  {what:32} {first:8.1f} {last:8.1f}{'   GREW' if grew else ''}")
        if grew:
            yield what


if __name__ == "__main__":
    main()
