"""A pass that begins is looked at in that moment, and not when the next look would be due."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from hosts.gateway.port import Refused
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.worker.watch import wake, watch
from tests.db.moving import Scene, eventually, fresh
from tests.fakes.gateway import FakeHost
from tests.fakes.guests import Move, job

pytestmark = pytest.mark.dual

FIRST = job(800, elapsed_ms=1000)
SECOND = replace(FIRST, iteration=2, memory_remaining=300, elapsed_ms=5000)
THIRD = replace(SECOND, iteration=3, memory_remaining=200, elapsed_ms=6000)


class Copying:
    """A migration whose worker looks again only after a long time, unless it is told something."""

    def __init__(self, scene: Scene, *, look_seconds: float = 30.0) -> None:
        self.guest = scene.add_guest()
        self.move: Move = scene.script(self.guest, jobs=[FIRST])
        self.move.go_on.clear()
        self.host: FakeHost = scene.fleet["kvm-a"]
        self.row: Migration = scene.request(self.guest)
        self.worker: threading.Thread = scene.in_background(scene.run, self.row)
        eventually(lambda: fresh(self.row).progress.get("iteration") == 1)

    def begin_pass(self, stats: object) -> None:
        self.host.guest(self.guest.definition.uuid).job = stats  # type: ignore[assignment]
        self.host.begin_pass(self.guest.definition.uuid)

    def end(self) -> Migration:
        self.move.go_on.set()
        self.worker.join(10)
        return fresh(self.row)


@pytest.fixture
def slow_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 30.0)
    monkeypatch.setattr(wake, "LEAST_SECONDS", 0.0)


@pytest.mark.usefixtures("slow_looks")
def test_what_is_left_is_read_when_a_pass_begins(scene: Scene) -> None:
    copying = Copying(scene)
    for stats in (SECOND, THIRD):
        copying.begin_pass(stats)
        eventually(lambda stats=stats: fresh(copying.row).progress["iteration"] == stats.iteration)  # type: ignore[misc]
        shown = fresh(copying.row).progress
        assert (shown["pass_at_ms"], shown["pass_remaining_bytes"]) == (stats.elapsed_ms, stats.memory_remaining)
    assert copying.end().state == State.DONE  # the call that comes back ends the wait too
    assert not copying.host.passes


def test_another_connection_is_listened_to_as_well(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.05)
    copying = Copying(scene)
    eventually(lambda: len(copying.host.passes) == 1)
    opened = scene.fleet.methods("kvm-a").count("connect")
    copying.host.silent = True
    eventually(lambda: scene.fleet.methods("kvm-a").count("connect") > opened)
    copying.host.silent = False
    eventually(lambda: len(copying.host.passes) == 2)  # the first connection was lent: its owner closes it at the end
    copying.end()
    eventually(lambda: not copying.host.passes)


def test_a_host_that_does_not_tell_is_looked_at_as_before(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.05)
    scene.fleet["kvm-a"].fail("passes", Refused("unsupported event ID 20", code=1), times=10_000)
    copying = Copying(scene)
    copying.begin_pass(SECOND)
    eventually(lambda: fresh(copying.row).progress["pass_remaining_bytes"] == 300)
    assert copying.end().state == State.DONE
    assert scene.fleet.methods("kvm-a").count("passes") == 1
