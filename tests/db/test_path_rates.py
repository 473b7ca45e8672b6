"""A probe stream between two hosts, in a task: once at a time, never beside a migration, and what is kept of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django_q.models import OrmQ

from hosts.facts.memory_use import DirtyRate, MemoryUse
from hosts.gateway.port import GatewayError
from hosts.models import Host
from kvmweb.journal.models import Entry
from kvmweb.queue import Detached
from migrations_app.domain.lifecycle import State
from migrations_app.ledger.path_rates import end_path
from migrations_app.models import Migration, PathRate
from migrations_app.models.path_rate import LEASE
from migrations_app.usecases.ask_preflight import ask_preflight
from migrations_app.usecases.measure_path import LOST, NotMeasurable, answered, measure_path
from migrations_app.worker import measure_path as measuring
from migrations_app.worker.run_preflight import run_preflight
from tests.db.moving import Scene, fresh
from tests.fakes.streaming import can_stream

pytestmark = [pytest.mark.django_db(transaction=True)]
MIB = 1024 * 1024


@pytest.fixture
def a(scene: Scene) -> Host:
    Host.objects.update(transport="ssh")
    can_stream(scene.fleet["kvm-a"], scene.fleet["kvm-b"], address=scene.fleet["kvm-b"].address)
    return Host.objects.get(name="kvm-a")


@pytest.fixture
def b(a: Host) -> Host:
    return Host.objects.get(name="kvm-b")


def run(scene: Scene, row: PathRate) -> PathRate:
    measuring.measure_path(row.pk, row.epoch, connect=scene.fleet.connect)
    return PathRate.objects.get(pk=row.pk)


def later(seconds: float = 60) -> None:
    """As much time goes by."""
    row = PathRate.objects.get()
    since = timedelta(seconds=seconds)
    until = row.leased_until - since if row.leased_until else None
    PathRate.objects.update(asked_at=row.asked_at - since, leased_until=until)


def streams(scene: Scene) -> int:
    return scene.fleet.methods("kvm-a").count("rate_stream")


def test_a_worker_measures_it_and_keeps_the_result(scene: Scene, a: Host, b: Host) -> None:
    OrmQ.objects.all().delete()
    row = measure_path(a, b, by=scene.operator, reason="new switch")
    assert (row.open, row.counts) == (True, False)
    (task,) = OrmQ.objects.all()
    assert (task.task["func"], task.task["args"]) == ("migrations_app.tasks.measure_path", (row.pk, 1))
    told = Entry.objects.filter(topic=f"host:{b.pk}", reason="new switch").get()
    assert "asked for a probe stream from kvm-a to kvm-b" in told.text
    done = run(scene, row)
    assert (done.error, done.open, done.counts) == ("", False, True)
    assert (done.bps, done.measured_address) == (80 * MIB / 0.1, row.address)
    for host in (a, b):
        last = Entry.objects.filter(topic=f"host:{host.pk}").latest("id")
        assert last.text == "The path from kvm-a to kvm-b carried 800 MiB/s."


def test_a_second_delivery_sends_nothing(scene: Scene, a: Host, b: Host) -> None:
    row = measure_path(a, b, by=scene.operator)
    run(scene, row)
    before = streams(scene)
    run(scene, row)
    measuring.measure_path(row.pk, row.epoch + 1, connect=scene.fleet.connect)
    assert streams(scene) == before == 2


def test_one_stream_at_a_time_and_not_again_at_once(scene: Scene, a: Host, b: Host) -> None:
    row = measure_path(a, b, by=scene.operator)
    for one, other in ((a, b), (b, a)):
        with pytest.raises(NotMeasurable, match="is running"):
            measure_path(one, other, by=scene.operator)
    run(scene, row)
    with pytest.raises(NotMeasurable, match="measured a moment ago"):
        measure_path(a, b, by=scene.operator)
    later()
    assert measure_path(a, b, by=scene.operator).epoch == 2


def test_a_wish_that_another_one_overtook_is_refused(scene: Scene, a: Host, b: Host, monkeypatch: Any) -> None:
    run(scene, measure_path(a, b, by=scene.operator))
    later()

    def overtaken(**_: Any) -> tuple[PathRate, bool]:
        before = PathRate.objects.get()
        PathRate.objects.update(epoch=before.epoch + 1)
        return before, False

    monkeypatch.setattr(PathRate.objects, "get_or_create", overtaken)
    with pytest.raises(NotMeasurable, match="Somebody else has just asked"):
        measure_path(a, b, by=scene.operator)


def test_a_killed_worker_is_not_followed_by_another_one(scene: Scene, a: Host, b: Host) -> None:
    row = measure_path(a, b, by=scene.operator)
    PathRate.objects.update(leased_until=timezone.now() + LEASE)  # and then it was killed
    later(90)
    assert run(scene, row).open
    assert streams(scene) == 0
    with pytest.raises(NotMeasurable, match="is running"):
        measure_path(a, b, by=scene.operator)
    later(90)
    lost = answered(PathRate.objects.get())
    assert (lost.open, lost.error) == (False, LOST)
    again = measure_path(a, b, by=scene.operator)
    end_path(row, bps=1.0)  # the old one wakes up
    assert run(scene, again).bps != 1.0


def test_a_stopped_worker_says_so(scene: Scene, a: Host, b: Host) -> None:
    scene.fleet["kvm-a"].fail("rate_stream", Detached(0))
    row = measure_path(a, b, by=scene.operator)
    with pytest.raises(Detached):
        run(scene, row)
    assert PathRate.objects.get().error == measuring.STOPPED


def test_a_worker_that_comes_too_late_sends_nothing(scene: Scene, a: Host, b: Host) -> None:
    row = measure_path(a, b, by=scene.operator)
    later()
    assert (run(scene, row).leased_until, streams(scene)) == (None, 0)


@pytest.mark.parametrize("name", ["kvm-a", "kvm-b"])
def test_a_host_that_is_silent_leaves_it_unknown(scene: Scene, a: Host, b: Host, name: str) -> None:
    scene.fleet[name].silent = True
    found = run(scene, measure_path(a, b, by=scene.operator))
    assert name in found.error
    assert Entry.objects.filter(topic=f"host:{a.pk}", text__startswith="The path from kvm-a to kvm-b was not").exists()
    assert (found.bps, found.open) == (None, False)


def test_a_missing_tool_is_told_and_the_older_result_stays(scene: Scene, a: Host, b: Host) -> None:
    known = run(scene, measure_path(a, b, by=scene.operator)).bps
    later()
    scene.fleet["kvm-b"].fail("rate_sink", GatewayError("kvm-b could not take in a probe stream: qemu-nbd is missing"))
    scene.fleet["kvm-a"].fail("rate_stream", GatewayError("kvm-a could not send a probe stream: refused"))
    found = run(scene, measure_path(a, b, by=scene.operator))
    assert (found.error, found.bps) == ("kvm-b could not take in a probe stream: qemu-nbd is missing", known)


def test_it_takes_both_hosts_by_ssh(scene: Scene, a: Host, b: Host) -> None:
    b.transport = "tcp"
    with pytest.raises(NotMeasurable, match="registered by ssh; kvm-b is not"):
        measure_path(a, b, by=scene.operator)
    with pytest.raises(NotMeasurable, match="the same host"):
        measure_path(a, a, by=scene.operator)


def test_never_beside_a_migration(scene: Scene, a: Host, b: Host) -> None:
    migration = scene.request(scene.add_guest())
    row = measure_path(a, b, by=scene.operator)  # that one waits, and moves nothing
    Migration.objects.filter(pk=migration.pk).update(state=State.COPYING_MEMORY)
    assert "is migrating from or to one of these hosts" in run(scene, row).error
    assert streams(scene) == 0
    later()
    with pytest.raises(NotMeasurable, match="is migrating from or to one of these hosts"):
        measure_path(a, b, by=scene.operator)
    assert fresh(migration).state == State.COPYING_MEMORY


def test_a_migration_that_began_meanwhile_spoils_it(
    scene: Scene, a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter(["", "db-01 is migrating"])
    row = measure_path(a, b, by=scene.operator)
    monkeypatch.setattr(measuring, "migrating_words", lambda *_: next(said))
    found = run(scene, row)
    assert (found.bps, found.error) == (None, "db-01 is migrating")


def test_who_may_not_migrate_may_not_load_the_path(scene: Scene, a: Host, b: Host, viewer: Any) -> None:
    with pytest.raises(PermissionDenied):
        measure_path(a, b, by=viewer)
    assert not PathRate.objects.exists()


def test_the_next_forecast_rests_on_it_for_a_day(scene: Scene, a: Host, b: Host) -> None:
    guest = scene.add_guest()
    here = scene.fleet["kvm-a"]
    here.written["link_speed"] = "10000\n"
    seen = here.guests[guest.definition.uuid]
    seen.memory_use, seen.dirty = MemoryUse(size=2**30, resident=2**29), DirtyRate(seconds=1, bps=2**20)
    row = run(scene, measure_path(a, b, by=scene.operator))
    asked = scene.request(guest)

    def foreseen() -> dict[str, Any]:
        preflight = ask_preflight(by=scene.operator, request=asked.request)
        run_preflight(preflight.pk, connect=scene.fleet.connect)
        preflight.refresh_from_db()
        return preflight.forecast

    first = foreseen()
    assert row.measured_at
    assert (first["rate_from"], first["rate_at"]) == ("probe", row.measured_at.isoformat(timespec="seconds"))
    assert (first["bps"], first["verdict"]) == (row.bps, "converges")
    assert first["low_ms"] < first["likely_ms"] < first["high_ms"]
    PathRate.objects.update(measured_address="192.0.2.99")  # the host has another migration address now
    assert foreseen()["rate_from"] == "nominal"
    old = timezone.now() - timedelta(hours=25)
    PathRate.objects.update(measured_address=row.address, measured_at=old)
    assert foreseen()["rate_from"] == "nominal"
