"""From the request to the libvirt call: the preflight is repeated, a slot taken, the record complete."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from django_q.models import OrmQ

from hosts.calls.move import Flag, MigrateCall, Parameter
from hosts.facts.guest import Disk, JobKind, JobStats, RunState
from hosts.facts.memory_use import DirtyRate, MemoryUse
from hosts.facts.storage import Mount
from hosts.gateway.port import GatewayError, HostUnreachable, PeerProbe, PeerResult
from hosts.models import Host, Sighting
from migrations_app.domain.convergence.policy import BUILT_IN
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import IN_FLIGHT, State
from migrations_app.domain.request import make_request
from migrations_app.models import GuestConsent, Migration, Policy, Preflight, ProbeLock
from migrations_app.pages.reports import report_view
from migrations_app.reading import forecast as forecasts
from migrations_app.reading.forecast import forecast_for
from migrations_app.usecases.ask_preflight import ask_preflight
from migrations_app.usecases.give_order import cancel_migration
from migrations_app.worker import run_migration as running
from migrations_app.worker.probe_lock import probing
from migrations_app.worker.procedures import live
from migrations_app.worker.run_preflight import run_preflight
from migrations_app.worker.slots import why_not
from migrations_app.worker.watch import judge
from tests.db.moving import LOCAL, Scene, eventually, fresh, in_state, pool, said, states, volume
from tests.fakes.gateway import FakeConnection
from tests.fakes.guests import FakeGuest

MOUNTED = "/srv/mounted"

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


def test_every_blocker_is_told_at_once_and_nothing_is_started(scene: Scene) -> None:
    guest = scene.add_guest(snapshots=1)
    there = scene.fleet["kvm-b"]
    there.interfaces, there.pools, there.volumes = [], [], []
    end = scene.run(scene.request(guest))
    assert (end.state, end.verdict) == (State.BLOCKED, "blocked")
    blocking = {finding["check"] for finding in end.findings if finding["severity"] == "blocker"}
    assert {"bridges_present", "disks_reachable", "snapshots"} <= blocking
    assert end.state_text.startswith("web-01 was not touched.")
    assert states(end)[-1] == "blocked"
    assert "migrate" not in scene.fleet.methods()
    assert end.finished_at is not None


def test_a_destination_that_does_not_answer_blocks(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.fleet["kvm-b"].silent = True
    assert scene.run(scene.request(guest)).state == State.BLOCKED


def test_a_peer_connection_that_fails_blocks_with_libvirts_words(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.fleet["kvm-a"].probe = PeerProbe(result=PeerResult.FAILED, message="Host key verification failed.")
    end = scene.run(scene.request(guest))
    assert end.state == State.BLOCKED
    assert "Host key verification failed." in str(end.findings)


def test_unknowns_do_not_stop_a_start_and_are_in_the_journal(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.fleet["kvm-b"].fail("memory", GatewayError("busy"), times=3)
    end = scene.run(scene.request(guest))
    assert end.state == State.DONE
    assert "Continues although 1 check is unknown" in said(end)


def test_a_guest_that_somebody_moved_meanwhile_is_left_alone(scene: Scene) -> None:
    guest = scene.add_guest()
    migration = scene.request(guest)
    uuid = guest.definition.uuid
    scene.fleet["kvm-b"].guests[uuid] = scene.fleet["kvm-a"].guests.pop(uuid)
    end = scene.run(migration)
    assert end.state in (State.BLOCKED, State.FAILED)
    assert "migrate" not in scene.fleet.methods()


def test_another_machine_at_the_address_is_never_used(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.fleet["kvm-b"].uuid = "99999999-9999-4999-8999-999999999999"
    end = scene.run(scene.request(guest))
    assert end.state == State.FAILED
    assert "Another machine answers at the address of kvm-b" in end.state_text
    assert "migrate" not in scene.fleet.methods()


def test_the_record_is_complete_before_libvirt_is_asked(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Migration] = []
    migrate = FakeConnection.migrate

    def watched(self: FakeConnection, call: MigrateCall) -> None:
        seen.extend(Migration.objects.all())
        migrate(self, call)

    monkeypatch.setattr(FakeConnection, "migrate", watched)
    guest = scene.add_guest(autostart=True, state=RunState.PAUSED)
    scene.run(scene.request(guest))
    record = seen[0]
    assert record.source_xml == "<domain type='qemu'><name>web-01</name></domain>"
    assert (record.was_persistent, record.was_paused, record.source_autostart) == (True, True, True)
    assert str(record.source_host_uuid) == scene.fleet["kvm-a"].uuid
    assert str(record.target_host_uuid) == scene.fleet["kvm-b"].uuid
    assert (record.call_made, record.state) == (True, State.STARTING)
    assert record.started_at is not None
    assert record.owner_pid is not None


def test_the_call_is_what_was_asked_for(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.run(scene.request(guest, bandwidth_mib=50, auto_converge=True, compressed=True, abort_on_error=True))
    call = next(call.arguments[0] for call in scene.fleet.calls if call.method == "migrate")
    assert (call.peer.address, call.migration_address) == ("192.0.2.2", "198.51.100.2")
    asked_for = {Flag.AUTO_CONVERGE, Flag.COMPRESSED, Flag.ABORT_ON_ERROR}
    assert call.flags == {Flag.PERSIST_DEST, Flag.UNDEFINE_SOURCE, *asked_for}
    assert call.parameters == {Parameter.BANDWIDTH: 50}
    assert call.copy_disks == ()


def test_a_call_that_libvirt_refuses_at_once_ends_failed_with_its_words(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.fleet["kvm-a"].fail("migrate", GatewayError("unsupported configuration: no", code=67))
    end = scene.run(scene.request(guest))
    assert (end.state, end.error["libvirt"]) == (State.FAILED, "unsupported configuration: no")


def test_a_cancel_while_both_hosts_are_read_starts_nothing(
    scene: Scene, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = scene.add_guest()
    migration = scene.request(guest)
    collect = running.collect

    def slowly(*args: Any, **kwargs: Any) -> Any:
        cancel_migration(fresh(migration), by=operator)
        return collect(*args, **kwargs)

    monkeypatch.setattr(running, "collect", slowly)
    end = scene.run(migration)
    assert end.state == State.CANCELLED
    assert "was not touched" in end.state_text
    assert "migrate" not in scene.fleet.methods()


def test_a_cancel_at_the_last_moment_removes_the_volumes_that_were_made(
    scene: Scene, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = scene.add_local_guest()
    migration = scene.request(guest, copy=True)
    create = FakeConnection.create_volume

    def slowly(self: FakeConnection, spec: Any) -> Any:
        cancel_migration(fresh(migration), by=operator)
        return create(self, spec)

    monkeypatch.setattr(FakeConnection, "create_volume", slowly)
    end = scene.run(migration)
    assert (end.state, end.created_volumes, end.call_made) == (State.CANCELLED, [], False)
    assert scene.fleet.methods("kvm-b").count("delete_volume") == 1


def test_a_volume_that_cannot_be_made_ends_it_untouched(scene: Scene) -> None:
    guest = scene.add_local_guest()
    scene.fleet["kvm-b"].fail("create_volume", GatewayError("exists already", code=90))
    end = scene.run(scene.request(guest, copy=True))
    assert (end.state, end.created_volumes) == (State.FAILED, [])
    assert "db-01 was not touched." in end.state_text
    assert "exists already. This may be the VM's own disk. Do not delete it." in end.state_text
    assert not {"migrate", "delete_volume"} & set(scene.fleet.methods())


def both_at_once(scene: Scene, guest: FakeGuest) -> None:
    """A second disk in a plain pool on a mount that both hosts have, beside the local one."""
    shared = f"{MOUNTED}/logs.qcow2"
    disk = Disk(target="vdb", device="disk", type="file", path=shared, format="qcow2")
    guest.definition = replace(guest.definition, disks=(*guest.definition.disks, disk))
    for fake in scene.fleet.hosts.values():
        fake.pools = [*fake.pools, pool("mounted", MOUNTED, "dir")]
        fake.volumes.append(volume(shared, "mounted"))
        fake.mounts |= {LOCAL: Mount(kind="ext4", source="/dev/sda1"), MOUNTED: Mount(kind="nfs4", source="nas:/vms")}
        fake.files[f"{LOCAL}/db-01.qcow2"] = fake.name == "kvm-a"


def test_what_is_copied_is_what_the_preflight_chose(scene: Scene, operator: Any) -> None:
    guest = scene.add_local_guest()
    both_at_once(scene, guest)
    end = scene.run(scene.request(guest, copy=True))
    assert (end.state, end.copied_disks) == (State.DONE, ["vda"])
    made = [call.arguments[0].name for call in scene.fleet.calls if call.method == "create_volume"]
    asked = [call.arguments[0].copy_disks for call in scene.fleet.calls if call.method == "migrate"]
    assert (made, asked) == (["db-01.qcow2"], [("vda",)])


def test_the_disk_itself_is_never_made_anew(scene: Scene) -> None:
    guest = scene.add_local_guest()
    both_at_once(scene, guest)
    end = scene.run(scene.request(guest, copy=("vda", "vdb")))
    assert (end.state, end.copied_disks) == (State.BLOCKED, ["vda", "vdb"])
    assert "disk vdb; the copy would overwrite it. This is the VM's own disk. Do not delete it." in end.state_text
    assert not {"create_volume", "migrate"} & set(scene.fleet.methods())


def test_a_preflight_tells_which_disks_a_move_would_copy(scene: Scene, operator: Any) -> None:
    guest = scene.add_local_guest()
    both_at_once(scene, guest)
    for wanted, told in ((True, ["vda"]), (("vda", "vdb"), ["vda", "vdb"])):
        request = make_request(
            guest=guest.definition.uuid, target=scene.hosts["kvm-b"].pk, kind=Kind.LIVE_STORAGE,
            options={"copy_disks": wanted},
        )  # fmt: skip
        preflight = ask_preflight(by=operator, request=request)
        run_preflight(preflight.pk, connect=scene.fleet.connect)
        preflight.refresh_from_db()
        assert preflight.copied_disks == told
        command = report_view(preflight).command
        assert f"--copy-storage-all --migrate-disks {','.join(told)} " in command


def test_a_mistake_of_ours_before_the_call_ends_failed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(running, "run_all", broken)
    end = scene.run(scene.request(scene.add_guest()))
    assert end.state == State.FAILED
    assert "The VM was not touched." in end.state_text


def test_a_mistake_of_ours_after_volumes_were_made_leaves_them_to_the_next_worker(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(live, "ask_libvirt", broken)
        left = scene.run(scene.request(scene.add_local_guest(), copy=True))
    assert (left.state, left.owner, len(left.created_volumes)) == (State.STARTING, "", 1)
    end = scene.adopt(left)
    assert (end.state, end.created_volumes) == (State.FAILED, [])
    assert scene.fleet.methods("kvm-b").count("delete_volume") == 1


def test_a_mistake_of_ours_after_the_call_ends_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch is released, and the next one follows the migration to its end."""

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(judge.Judge, "decide", broken)
        left = scene.run(scene.request(scene.add_guest()))
    assert (left.state in IN_FLIGHT, left.owner, left.call_made) == (True, "", True)
    scene.fleet.moves[str(left.guest_id)].over.wait(5)
    assert scene.adopt(left).state == State.DONE


# --- slots ------------------------------------------------------------------------------------------------------------


def _held_up(scene: Scene, first: str = "web-01") -> tuple[Migration, threading.Thread]:
    guest = scene.add_guest(first)
    scene.script(guest).go_on.clear()
    migration = scene.request(guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    return migration, worker


def test_one_out_of_a_host_at_a_time_and_the_next_is_woken_by_the_end(scene: Scene) -> None:
    first, worker = _held_up(scene)
    scene.add_host("kvm-c")
    waiting = scene.run(scene.request(scene.add_guest("web-02"), to="kvm-c"))
    assert (waiting.state, waiting.state_text) == (
        State.QUEUED,
        "Waiting for a free slot: web-01 is migrating from kvm-a.",
    )
    assert (waiting.owner, waiting.owner_pid) == ("", None)
    assert scene.run(waiting).state == State.QUEUED  # the queue may say it twice
    OrmQ.objects.all().delete()
    scene.fleet.moves[str(first.guest_id)].go_on.set()
    worker.join(10)
    woken = [row.task["args"] for row in OrmQ.objects.all() if row.task["func"].endswith(".run_migration")]
    assert woken == [(waiting.pk,)]
    assert scene.run(waiting).state == State.DONE


def test_of_two_that_start_at_the_same_time_one_gets_the_slot(scene: Scene) -> None:
    guests = [scene.add_guest(name) for name in ("web-01", "web-02")]
    for guest in guests:
        scene.script(guest).go_on.clear()
    both = [scene.request(guest) for guest in guests]
    workers = [scene.in_background(scene.run, migration) for migration in both]
    eventually(lambda: sorted(fresh(one).state for one in both) == [State.COPYING_MEMORY, State.QUEUED])
    for guest in guests:
        scene.fleet.moves[guest.definition.uuid].go_on.set()
    for worker in workers:
        worker.join(10)
    assert sorted(fresh(one).state for one in both) == [State.DONE, State.QUEUED]


def test_one_free_slot_makes_one_worker_check(scene: Scene) -> None:
    """Before, every waiting migration repeated the preflight of both hosts for it."""
    first, worker = _held_up(scene)
    names = ("web-02", "web-03", "web-04")
    waiting = [scene.run(scene.request(scene.add_guest(name))) for name in names]
    assert {one.state for one in waiting} == {State.QUEUED}
    scene.fleet.moves[str(first.guest_id)].go_on.set()
    worker.join(10)
    Migration.objects.filter(pk=waiting[0].pk).update(
        state=State.CHECKING, slot_until=timezone.now() + timedelta(seconds=30)
    )
    scene.fleet.calls.clear()
    assert [scene.run(one).state for one in waiting[1:]] == [State.QUEUED] * 2
    assert scene.fleet.calls == []
    # a host that keeps the worker waiting keeps no slot
    Migration.objects.filter(pk=waiting[0].pk).update(slot_until=timezone.now() - timedelta(seconds=1))
    assert scene.run(waiting[1]).state == State.DONE


def test_a_migration_that_is_blocked_gives_its_slot_back(scene: Scene) -> None:
    first, worker = _held_up(scene)
    guest, other = scene.add_guest("web-02"), scene.add_guest("web-03")
    blocked, waiting = scene.run(scene.request(guest)), scene.run(scene.request(other))
    scene.fleet.moves[str(first.guest_id)].go_on.set()
    worker.join(10)
    guest.snapshots = 1
    guest.managed_save = True
    scene.fleet["kvm-b"].machines = ()
    assert scene.run(blocked).state == State.BLOCKED
    assert why_not(waiting) == ""


def test_one_into_a_host_at_a_time(scene: Scene) -> None:
    first, worker = _held_up(scene)
    scene.add_host("kvm-c")
    waiting = scene.run(scene.request(scene.add_guest("db-01", on="kvm-c")))
    assert (waiting.state, waiting.state_text) == (
        State.QUEUED,
        "Waiting for a free slot: web-01 is migrating to kvm-b.",
    )
    scene.fleet.moves[str(first.guest_id)].go_on.set()
    worker.join(10)


def test_so_many_in_all(scene: Scene, settings: Any) -> None:
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"max_migrations": 1})
    first, worker = _held_up(scene)
    scene.add_host("kvm-c")
    scene.add_host("kvm-d")
    waiting = scene.run(scene.request(scene.add_guest("db-01", on="kvm-c"), to="kvm-d"))
    assert waiting.state_text == "Waiting for a free slot: 1 migration is running, which is the limit."
    scene.fleet.moves[str(first.guest_id)].go_on.set()
    worker.join(10)


# --- preflight --------------------------------------------------------------------------------------------------------


def test_a_preflight_is_answered_once(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    preflight = ask_preflight(by=operator, request=scene.request(guest).request)
    run_preflight(preflight.pk, connect=scene.fleet.connect)
    answer = Preflight.objects.get()
    assert (answer.verdict, answer.error) in {("ok", ""), ("warnings", ""), ("unknown", "")}
    assert answer.seen_at is not None
    asked = len(scene.fleet.calls)
    run_preflight(preflight.pk, connect=scene.fleet.connect)
    assert len(scene.fleet.calls) == asked


def test_a_preflight_of_a_moving_guest_does_not_probe(scene: Scene, operator: Any) -> None:
    migration, worker = _held_up(scene)
    probes = scene.fleet.methods().count("probe_peer")
    preflight = ask_preflight(by=operator, request=migration.request)
    run_preflight(preflight.pk, connect=scene.fleet.connect)
    assert scene.fleet.methods().count("probe_peer") == probes
    scene.fleet.moves[str(migration.guest_id)].go_on.set()
    worker.join(10)


def test_a_preflight_of_a_guest_that_is_nowhere_says_so(scene: Scene, operator: Any) -> None:
    preflight = ask_preflight(by=operator, request=scene.request(scene.add_guest()).request)
    Sighting.objects.all().delete()
    run_preflight(preflight.pk, connect=scene.fleet.connect)
    assert "No registered host reports" in Preflight.objects.get().error


def test_a_preflight_with_both_hosts_away_blocks_and_says_why(scene: Scene, operator: Any) -> None:
    preflight = ask_preflight(by=operator, request=scene.request(scene.add_guest()).request)

    def away(*_: Any, **__: Any) -> Any:
        raise HostUnreachable("no route to host")

    run_preflight(preflight.pk, connect=away)
    answer = Preflight.objects.get()
    assert answer.verdict == "blocked"
    assert "no route to host" in str(answer.findings)


# --- forecast ---------------------------------------------------------------------------------------------------------


def test_the_next_move_is_foreseen_from_the_one_before(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    first = scene.run(scene.request(guest))
    assert (first.state, first.forecast) == (State.DONE, {})
    Migration.objects.filter(pk=first.pk).update(
        downtime_ms=412, progress={"transferred_bytes": 100 * 1024 * 1024, "elapsed_ms": 10_000, "stalled_ms": 400}
    )
    uuid = guest.definition.uuid
    scene.fleet["kvm-a"].guests[uuid] = scene.fleet["kvm-b"].guests.pop(uuid)
    preflight = ask_preflight(by=operator, request=first.request)
    run_preflight(preflight.pk, connect=scene.fleet.connect)
    preflight.refresh_from_db()
    assert (preflight.forecast["runs"], preflight.forecast["low_ms"]) == (1, 10_000.0)
    assert preflight.forecast["downtime_high_ms"] == 412
    assert scene.run(scene.request(guest)).forecast == preflight.forecast


def test_a_first_move_is_foreseen_from_the_nominal_rate_and_what_the_check_measured(
    scene: Scene, operator: Any
) -> None:
    guest = scene.add_guest()
    here = scene.fleet["kvm-a"]
    here.written["link_speed"] = "10000\n"
    seen = here.guests[guest.definition.uuid]
    seen.memory_use, seen.dirty = MemoryUse(size=2**30, resident=2**29), DirtyRate(seconds=1, bps=2**20)
    asked = scene.request(guest)
    preflight = ask_preflight(by=operator, request=asked.request)
    run_preflight(preflight.pk, connect=scene.fleet.connect)
    preflight.refresh_from_db()
    first = preflight.forecast
    assert (first["runs"], first["rate_from"], first["dirty_from"]) == (0, "nominal", "measured")
    assert (first["verdict"], first["ends"], first["dirty_bps"]) == ("uncertain", None, 2**20)
    assert (first["low_ms"] > 0, first["likely_ms"], first["high_ms"]) == (True, None, None)
    assert preflight.measured["dirty"] == {"seconds": 1, "bps": 2**20}
    assert (
        scene.run(asked).forecast == first
    )  # the check before a start measures nothing, and knows what the last one did


def test_the_checks_of_the_last_hour_count_together(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    scene.fleet["kvm-a"].written["link_speed"] = "10000\n"
    seen = scene.fleet["kvm-a"].guests[guest.definition.uuid]
    seen.memory_use = MemoryUse(size=2**30, resident=2**29)
    asked = scene.request(guest)
    for bps in (0, 2**22):
        seen.dirty = DirtyRate(seconds=1, bps=bps)
        preflight = ask_preflight(by=operator, request=asked.request)
        run_preflight(preflight.pk, connect=scene.fleet.connect)
        preflight.refresh_from_db()
    assert preflight.forecast["dirty_bps"] == 2**21


def test_a_policy_is_proposed_that_the_owners_and_the_hosts_allow(scene: Scene, operator: Any) -> None:
    for policy in BUILT_IN:
        fields = {name: value for name, value in policy.as_json().items() if name != "name"}
        Policy.objects.update_or_create(name=policy.name, defaults=fields)
    guest = scene.add_guest()
    scene.fleet["kvm-a"].written["link_speed"] = "100\n"
    seen = scene.fleet["kvm-a"].guests[guest.definition.uuid]
    seen.memory_use, seen.dirty = MemoryUse(size=2**30, resident=2**29), DirtyRate(seconds=1, bps=2**28)
    asked = scene.request(guest)

    def proposed() -> tuple[str, str]:
        preflight = ask_preflight(by=operator, request=asked.request)
        run_preflight(preflight.pk, connect=scene.fleet.connect)
        preflight.refresh_from_db()
        assert preflight.forecast["verdict"] == "needs_help"
        return preflight.forecast["proposes"], preflight.forecast["proposes_by"]

    assert proposed() == ("must finish", "finish")
    consent = GuestConsent.objects.create(guest=asked.guest, slow="never", pause="never", post_copy="if_needed")
    assert proposed() == ("post-copy", "post_copy")
    consent.post_copy = "never"
    consent.save()
    assert proposed() == ("", "")


def test_a_vm_with_a_job_is_not_measured(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    seen = scene.fleet["kvm-a"].guests[guest.definition.uuid]
    seen.dirty, seen.job = DirtyRate(seconds=1, bps=2**20), JobStats(kind=JobKind.OTHER)
    preflight = ask_preflight(by=operator, request=scene.request(guest).request)
    run_preflight(preflight.pk, connect=scene.fleet.connect)
    preflight.refresh_from_db()
    assert (preflight.measured["dirty"], preflight.forecast) == (None, {})
    assert "measure" not in [call.method for call in scene.fleet.calls]


def test_a_forecast_knows_only_what_its_person_may_see(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    done = scene.run(scene.request(guest))
    progress = {"transferred_bytes": 100 * 1024 * 1024, "elapsed_ms": 10_000, "stalled_ms": 400}
    Migration.objects.filter(pk=done.pk).update(progress=progress)
    stranger = User.objects.create_user("stranger")
    asked = (done.request, done.guest, done.source)
    assert forecast_for(operator, *asked, paused=False)["runs"] == 1
    assert forecast_for(stranger, *asked, paused=False) == {}
    assert forecast_for(None, *asked, paused=False) == {}


@pytest.mark.parametrize("stalled", [{"stalled_ms": 20_000}, {"stalled_ms": None}, {}])
def test_a_move_that_stalled_or_was_not_watched_teaches_nothing(
    scene: Scene, operator: Any, stalled: dict[str, Any]
) -> None:
    done = scene.run(scene.request(scene.add_guest()))
    progress = {"transferred_bytes": 100 * 1024 * 1024, "elapsed_ms": 10_000, **stalled}
    Migration.objects.filter(pk=done.pk).update(progress=progress)
    assert forecast_for(operator, done.request, done.guest, done.source, paused=False) == {}


def test_the_downtime_of_a_vm_that_somebody_suspended_foresees_nothing(scene: Scene, operator: Any) -> None:
    done = scene.run(scene.request(scene.add_guest()))
    progress = {"transferred_bytes": 100 * 1024 * 1024, "elapsed_ms": 10_000, "stalled_ms": 0}
    Migration.objects.filter(pk=done.pk).update(progress=progress, downtime_ms=35_718, suspended=True)
    foreseen = forecast_for(operator, done.request, done.guest, done.source, paused=False)
    assert (foreseen["runs"], foreseen.get("downtime_high_ms")) == (1, None)


def test_a_move_that_cannot_start_has_no_forecast(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    done = scene.run(scene.request(guest))
    progress = {"transferred_bytes": 100 * 1024 * 1024, "elapsed_ms": 10_000, "stalled_ms": 0}
    Migration.objects.filter(pk=done.pk).update(progress=progress)
    uuid = guest.definition.uuid
    scene.fleet["kvm-a"].guests[uuid] = back = scene.fleet["kvm-b"].guests.pop(uuid)
    for state, foreseen in ((RunState.RUNNING, 1), (RunState.SHUTOFF, None), (RunState.CRASHED, None)):
        back.state = state
        preflight = ask_preflight(by=operator, request=done.request)
        run_preflight(preflight.pk, connect=scene.fleet.connect)
        preflight.refresh_from_db()
        assert (preflight.forecast.get("runs"), preflight.verdict == "blocked") == (foreseen, foreseen is None)


def test_a_mistake_in_the_forecast_stops_nothing(scene: Scene, operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasts, "forecast", lambda *_, **__: 1 / 0)
    guest = scene.add_guest()
    migration = scene.request(guest)
    preflight = ask_preflight(by=operator, request=migration.request)
    run_preflight(preflight.pk, connect=scene.fleet.connect)
    preflight.refresh_from_db()
    assert (bool(preflight.verdict), preflight.forecast) == (True, {})
    assert scene.run(migration).state == State.DONE


# --- the lock of the peer probe ---------------------------------------------------------------------------------------


def test_the_probe_lock_is_had_by_one_at_a_time_and_free_again(scene: Scene) -> None:
    guest = scene.request(scene.add_guest()).guest
    with probing(guest.pk, patience=0) as first, probing(guest.pk, patience=0) as second:
        assert (first, second) == (True, False)
    with probing(guest.pk, patience=0) as third:
        assert third
    ProbeLock.objects.update(holder="dead", until="2020-01-01T00:00:00Z")
    with probing(guest.pk, patience=0) as after_a_dead_holder:
        assert after_a_dead_holder
    assert Host.objects.count() == 2


def test_a_refused_login_is_not_called_silence(scene: Scene) -> None:
    guest = scene.add_guest()
    migration = scene.request(guest)
    Host.objects.filter(name="kvm-b").update(contact=Host.Contact.DENIED)
    scene.fleet["kvm-b"].silent = True
    end = scene.run(migration)
    assert end.state == State.BLOCKED
    assert "kvm-b refuses kvmweb's login" in end.state_text
    assert "kvm-b is not reachable" not in end.state_text
