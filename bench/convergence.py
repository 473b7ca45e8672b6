"""A VM that writes memory faster than the link carries it: kvmweb's policies beside what others do, in turn in one run.

Same VM, same hosts, same link. A migration that has not ended after the limit is aborted: it did not arrive. What
counts are the ratios within one run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.live import Live
from bench.outcomes import Outcome, report
from bench.recipes import ROWS, Do, Row, Step
from hosts.calls.move import Parameter, Value
from hosts.calls.steer import LimitDowntime
from hosts.gateway.port import GatewayError
from lab import GuestSpec, Lab, TickReceiver, Wanted
from tests.lab.serving import TERMINAL, Serving

ROOT = Path(__file__).resolve().parent.parent
MEGABIT = 1024 * 1024 * 8 / 1_000_000
POLICIES = ("must finish", "large VM", "gentle")
#: how long the VM's work is counted before each migration, and how long it may catch up afterwards
CALM_SECONDS, AFTER_SECONDS = 4, 2
#: until a VM that has booted has filled its memory
FILL_SECONDS = 6
LIBVIRTS_DOWNTIME_MS = 300
#: QEMU's longest: it stops the VM at once and copies the rest, as for a VM that is paused
ANY_DOWNTIME_MS = 2_000_000
#: whether it arrived, seconds from the request to the end, QEMU's downtime
Moved = tuple[bool, float, int | None]
Mover = Callable[[str, str], Moved]


def main(arguments: list[str]) -> None:
    options = _options(arguments)
    guest = GuestSpec(
        "busy-01",
        "kvm-a",
        storage="",
        memory_mib=128,
        fill_mib=48,
        hot_mib=3 * options.link,
        dirty_kib=round(options.times * options.link * 1024),
        whole_pages=True,
    )
    with _bench(options.prefix, guest, options.limit, options.link) as bench:
        outcomes = bench.run(options.rounds, options.only)
    load = f"{os.getloadavg()[0]:.1f}"
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    kept = {**vars(options), "at": datetime.now(UTC).isoformat(), "load": load, "outcomes": list(map(asdict, outcomes))}
    (folder / "convergence.json").write_text(json.dumps(kept, indent=1) + "\n")
    writes = f"writes {guest.hot_mib} MiB again and again at {options.times:g} times the link of {options.link} MiB/s"
    print(f"A VM of {guest.memory_mib} MiB {writes} (load {load}, limit {options.limit:.0f} s)")
    print("\n".join(report(outcomes)))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench convergence", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=180, help="seconds")
    parser.add_argument("--link", type=int, default=8, help="MiB/s")
    parser.add_argument("--times", type=float, default=3, help="how many times as fast the VM writes")
    parser.add_argument("--only", nargs="+", choices=[*_names()], metavar="NAME", help=", ".join(_names()))
    parser.add_argument("--prefix", default="converge")
    return parser.parse_args(arguments)


def _names() -> Iterator[str]:
    yield from (row.name for row in ROWS)
    yield from (f"kvmweb, {policy}" for policy in POLICIES)


@contextmanager
def _bench(prefix: str, guest: GuestSpec, limit: float, link: int) -> Iterator[Bench]:
    lab = Lab.up(Wanted(prefix=prefix, profile="test", use_gluster=False, owned=True), with_guests=False)
    try:
        with ExitStack() as stack:
            ticks = stack.enter_context(TickReceiver(*lab.ticks_address))
            guest = lab.define_guest("kvm-a", guest)
            serving = Serving(lab, Path(stack.enter_context(tempfile.TemporaryDirectory())))
            serving.prepare()
            serving.start()
            stack.callback(serving.stop)
            serving.register_hosts()
            if not ticks.wait_for(guest.name, timeout=90, since=0):
                sys.exit(f"{guest.name} was not heard")
            lab.shape(round(link * MEGABIT))
            yield Bench(lab, serving, ticks, guest, limit)
    finally:
        lab.down()


class Bench:
    """One VM that migrates to and fro."""

    def __init__(self, lab: Lab, serving: Serving, ticks: TickReceiver, guest: GuestSpec, limit: float) -> None:
        self._lab, self._serving, self._ticks, self._guest, self._limit = lab, serving, ticks, guest, limit

    def run(self, rounds: int, only: list[str] | None) -> list[Outcome]:
        movers = {row.name: partial(self._by_hand, row) for row in ROWS}
        movers |= {f"kvmweb, {policy}": partial(self._by_kvmweb, policy) for policy in POLICIES}
        names = [name for name in movers if only is None or name in only]
        outcomes = []
        for number in range(rounds):
            first = number % len(names)  # each is first in its turn
            for name in names[first:] + names[:first]:
                outcomes.append(self.measure(name, movers[name]))
                print(f"round {number + 1} of {rounds}: {outcomes[-1]}", file=sys.stderr, flush=True)
        return outcomes

    def measure(self, name: str, move: Mover) -> Outcome:
        """Also counts what the VM gets done: how many pages it rewrites."""
        source = self._home()
        target = next(host for host in self._lab.hosts if host != source)
        usual = self._usual(source)
        began, pages = time.monotonic(), self._pages()
        arrived, seconds, downtime_ms = move(source, target)
        time.sleep(AFTER_SECONDS)
        ended = time.monotonic()
        felt = self._ticks.largest_hole(self._guest.name, began, ended)
        lost = ended - began - (self._pages() - pages) / usual
        heard = self._ticks.wait_for(self._guest.name, timeout=1)
        return Outcome(name, arrived, round(seconds, 2), downtime_ms, round(1000 * felt), round(lost, 2), heard)

    # --- migrations -----------------------------------------------------------------------------------------------

    def _by_hand(self, row: Row, source: str, target: str) -> Moved:
        gib = self._guest.memory_mib / 1024
        recipe = row.make(gib)
        cache: dict[Parameter, Value] = {}
        if size := row.cache_bytes(gib):
            cache = {Parameter.COMPRESSION: ("xbzrle",), Parameter.XBZRLE_CACHE: size}
        allowed = recipe.start_ms() or LIBVIRTS_DOWNTIME_MS
        self._lab.hosts[source].virsh("migrate-setmaxdowntime", self._guest.name, str(allowed))
        given_up = False
        live = Live(self._lab, self._guest, source, target, row.flags, cache)
        try:
            for seen in live.looks():
                steps = recipe.look(seen.at_s, seen.stats)
                if seen.at_s > self._limit:
                    steps = (Step(Do.ABORT),)
                for step in steps:
                    given_up |= step.do is Do.ABORT
                    self._do(live, step)
            finished = live.finished()
        finally:
            live.close()
        if not live.arrived and not given_up:
            sys.exit(f"{row.name}: {live.error}")
        return live.arrived, live.ended - live.began, finished.downtime_ms if finished else None

    def _do(self, live: Live, step: Step) -> None:
        with suppress(GatewayError):  # it has ended meanwhile
            match step.do:
                case Do.DOWNTIME:
                    live.source.set_limit(self._guest.uuid, LimitDowntime(step.value))
                case Do.PAUSE:
                    live.source.set_limit(self._guest.uuid, LimitDowntime(ANY_DOWNTIME_MS))
                case Do.ABORT:
                    live.abort()

    def _by_kvmweb(self, policy: str, source: str, target: str) -> Moved:
        uuid = self._serving.wait_for_guest(self._guest.name, source)["uuid"]
        began = datetime.now(UTC)
        answer = self._serving.post("/migrations", {"guest": uuid, "target": target, "policy": policy})
        if answer.status != 201:
            sys.exit(f"kvmweb refused the migration: {answer.body}")
        pk, stopped = answer.body["id"], False
        while (row := self._serving.migration(pk))["state"] not in TERMINAL:
            if not stopped and (datetime.now(UTC) - began).total_seconds() > self._limit:
                self._serving.post(f"/migrations/{pk}/orders", {"what": "cancel"})
                stopped = True
            time.sleep(0.25)  # looking more often would be measured too
        took = (datetime.fromisoformat(row["finished_at"]) - began).total_seconds()
        return row["state"] == "done", took, row["downtime_ms"]

    # --- the VM ---------------------------------------------------------------------------------------------------

    def _home(self) -> str:
        return next(name for name, host in self._lab.hosts.items() if host.qemus_of(self._guest.uuid))

    def _usual(self, host: str) -> float:
        """Pages in a second. One that does nothing any more is started again."""
        if not (usual := self._pages_per_second(CALM_SECONDS)):
            for action in ("destroy", "start"):
                self._lab.hosts[host].virsh(action, self._guest.name)
            if not self._ticks.wait_for(self._guest.name, timeout=90):
                sys.exit(f"{self._guest.name} was not heard")
            time.sleep(FILL_SECONDS)
            usual = self._pages_per_second(CALM_SECONDS)
        return usual

    def _pages(self) -> int:
        return self._ticks.ticks(self._guest.name)[-1].pages

    def _pages_per_second(self, seconds: float) -> float:
        began, before = time.monotonic(), self._pages()
        time.sleep(seconds)
        return (self._pages() - before) / (time.monotonic() - began)
