"""A VM that is shut off and cannot start on its host: kvmweb copies its disks, part by part, over fake hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hosts.facts.guest import BootFiles, RunState
from hosts.facts.storage import Part
from hosts.gateway.port import GatewayError, HostUnreachable, Refused
from migrations_app.domain.lifecycle import State
from migrations_app.domain.orders.bandwidth_mib import ORDER as BANDWIDTH
from migrations_app.domain.outcome import patience
from migrations_app.domain.preflight import streams
from migrations_app.models import Migration, RollbackCopy
from migrations_app.reading.forecast import forecast_for
from migrations_app.usecases.give_order import cancel_migration, give_order
from migrations_app.words.controls import situation
from migrations_app.worker.watch import sending, watch
from tests.db.moving import LOCAL, Scene, as_xml, eventually, fresh, in_state, said, states
from tests.db.test_offline_storage import PATH, a, ask, assert_as_before, b, killed, off_guest, paths
from tests.db.test_placed_copies import Killed, killer
from tests.fakes.disks import FakeDisks
from tests.fakes.gateway import FakeHost
from tests.fakes.guests import Ending, FakeGuest
from tests.fakes.paused import FakePaused

pytestmark = pytest.mark.timeout(60)

CONTENT = "0123456789abcdefghijKLMNOPQRSTuvwxy"
REFUSAL = "Cannot get interface MTU on 'br-gone': No such device"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_PART", 10)


def stuck_guest(scene: Scene, **changes: Any) -> FakeGuest:
    """Its disk has four parts, and its host does not start it."""
    guest = off_guest(scene, **changes)
    a(scene).contents[PATH] = CONTENT
    a(scene).fail("paused.start", Refused(REFUSAL, code=38))
    return guest


def asked(scene: Scene, method: str) -> list[tuple[Any, ...]]:
    return [call.arguments for call in scene.fleet.calls if call.method == method]


def assert_arrived(scene: Scene, guest: FakeGuest, done: Migration) -> None:
    assert (done.state, done.state_text) == (State.DONE, "db-01 is shut off on kvm-b.")
    assert b(scene).contents[PATH] == CONTENT
    assert b(scene).guests[guest.definition.uuid].state is RunState.SHUTOFF
    assert guest.definition.uuid not in a(scene).guests
    assert not {"start", "resume", "paused.end"} & set(scene.fleet.methods())


# --- the way --------------------------------------------------------------------------------------------------------


def test_its_disks_go_first_and_its_definition_after_them(scene: Scene) -> None:
    guest = stuck_guest(scene, autostart=True)
    done = scene.run(ask(scene, guest))
    assert_arrived(scene, guest, done)
    assert b(scene).guests[guest.definition.uuid].autostart
    assert states(done) == [
        *("requested", "checking", "starting", "copying_disks", "switching_over", "verifying", "done")
    ]
    (call,) = [call for (call,) in asked(scene, "migrate")]
    assert (call.offline, call.copy_disks, dict(call.places)) == (True, (), {})
    methods = scene.fleet.methods()
    assert methods.index("paused.start") < methods.index("disks.copy_content") < methods.index("migrate")
    assert methods.count("disks.copy_content") == 4
    assert (
        f"kvm-a could not start it paused: {REFUSAL}. So kvmweb copies its disks to kvm-b itself, and its definition"
        " migrates after that."
    ) in said(done)
    assert done.stream["because"] == REFUSAL
    assert foretold(done)[0] == "info", "only the start showed it"
    assert RollbackCopy.objects.get().path == PATH
    assert done.progress["disk_total_bytes"] == 2 * len(CONTENT)


def foretold(done: Migration) -> tuple[str, str]:
    (one,) = [one for one in done.findings if one["check"] == "source_start"]
    return one["severity"], one["summary"]


def test_it_is_foretold_when_the_source_is_seen_to_lack_something(scene: Scene) -> None:
    guest = stuck_guest(scene)
    a(scene).interfaces = []
    done = scene.run(ask(scene, guest))
    severity, words = foretold(done)
    assert (severity, done.state) == ("warning", State.DONE)
    assert "kvm-a cannot start db-01, so kvmweb copies its disks itself: kvm-a has no bridge br1" in words


def test_what_is_known_of_libvirts_copies_tells_nothing_of_kvmwebs(scene: Scene, monkeypatch: Any) -> None:
    monkeypatch.setattr("migrations_app.worker.write_ahead.forecast_for", lambda *_, **__: {"most_s": 9.0})
    guest = stuck_guest(scene)
    request = ask(scene, guest)
    done = scene.run(request)
    assert (done.state, done.forecast) == (State.DONE, {})
    Migration.objects.filter(pk=done.pk).update(
        progress={**done.progress, "transferred_bytes": 10**9, "elapsed_ms": 10_000}
    )
    given = (request.requested_by, request.request, request.guest, request.source)
    assert forecast_for(*given, paused=False) == {}
    Migration.objects.filter(pk=done.pk).update(stream={})
    assert forecast_for(*given, paused=False)["runs"] == 1


def test_it_is_started_there_when_that_was_asked_for(scene: Scene) -> None:
    guest = stuck_guest(scene)
    done = scene.run(ask(scene, guest, start_after=True, bandwidth_mib=100, tls=False))
    assert (done.state, done.state_text) == (State.DONE, "db-01 runs on kvm-b.")
    assert [call.host for call in scene.fleet.calls if call.method == "start"] == ["kvm-b"]


def test_a_disk_may_get_another_place(scene: Scene) -> None:
    guest = stuck_guest(scene)
    done = scene.run(ask(scene, guest, disks={"vda": {"pool": "testvms", "name": "new.qcow2"}}))
    assert done.state == State.DONE, done.error
    new = "/var/lib/libvirt/testvms/new.qcow2"
    assert [disk.path for disk in b(scene).guests[guest.definition.uuid].definition.disks] == [new]
    assert b(scene).contents[new] == CONTENT


def test_uefi_variables_and_the_state_of_a_tpm_are_carried(scene: Scene) -> None:
    guest = stuck_guest(scene)
    leaves = (*guest.definition.leaves, ("devices/tpm/backend/@type", "emulator"))
    guest.definition = replace(guest.definition, boot=BootFiles(nvram="/nvram/db.fd"), leaves=leaves)
    tpm = f"/var/lib/libvirt/swtpm/{guest.definition.uuid}/tpm2/tpm2-00.permall"
    a(scene).own_files.update({"/nvram/db.fd": b"boot order", tpm: b"keys"})
    assert_arrived(scene, guest, scene.run(ask(scene, guest)))
    assert b(scene).own_files == {"/nvram/db.fd": b"boot order", tpm: b"keys"}


# --- what ends it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "refusal",
    [
        GatewayError('Prozess beendet: Failed to get "write" lock', code=1, domain=10),
        GatewayError("Sperre konnte nicht erlangt werden", code=87, domain=42),
    ],
)
def test_disks_that_may_be_in_use_are_not_copied(scene: Scene, refusal: GatewayError) -> None:
    guest = off_guest(scene)
    a(scene).fail("paused.start", refusal)
    ended = scene.run(ask(scene, guest))
    assert ended.state == State.FAILED
    assert "Something may use its disks, so kvmweb does not copy them." in ended.error["cause"]
    assert not {"disks.copy_content", "migrate"} & set(scene.fleet.methods())
    assert_as_before(scene, guest)


def test_one_that_somebody_starts_in_the_same_moment_is_not_copied(scene: Scene, monkeypatch: Any) -> None:
    """Whatever libvirt calls it: the host is asked."""
    guest = off_guest(scene)

    def start(*_: Any) -> None:
        guest.state, guest.reason = RunState.RUNNING, "booted"
        raise Refused("Die Domain ist bereits aktiv", code=55, domain=20)

    monkeypatch.setattr(FakePaused, "start", start)
    ended = scene.run(ask(scene, guest))
    assert ended.state == State.FAILED
    assert "Something may use its disks" in ended.error["cause"]
    assert not {"disks.copy_content", "migrate", "paused.end"} & set(scene.fleet.methods())
    assert guest.state is RunState.RUNNING


def test_a_disk_that_libvirt_does_not_read_ends_it(scene: Scene) -> None:
    guest = stuck_guest(scene)
    ended = scene.run(ask(scene, guest, disks={"vda": {"format": "raw"}}))
    assert ended.state == State.FAILED
    assert "disk vda would get another format (raw)" in ended.error["cause"]
    assert_as_before(scene, guest)


def test_what_is_to_be_encrypted_does_not_go_over_plain_tcp(scene: Scene) -> None:
    guest = stuck_guest(scene)
    ended = scene.run(ask(scene, guest, tls=True))
    assert ended.state == State.FAILED
    assert "kvmweb reaches kvm-a and kvm-b by plain TCP" in ended.error["cause"]
    assert "disks.copy_content" not in scene.fleet.methods()
    assert_as_before(scene, guest)


def test_nor_do_its_uefi_variables(scene: Scene) -> None:
    guest = stuck_guest(scene)
    guest.definition = replace(guest.definition, boot=BootFiles(nvram="/nvram/db.fd"))
    a(scene).own_files["/nvram/db.fd"] = b"boot order"
    blocked = scene.run(ask(scene, guest, tls=True))
    assert (blocked.state, b(scene).own_files) == (State.BLOCKED, {})
    assert "kvmweb copies the UEFI variables of db-01 itself." in blocked.state_text
    assert not {"paused.start", "migrate"} & set(scene.fleet.methods())


def test_other_content_on_the_destination_ends_it(scene: Scene, monkeypatch: Any) -> None:
    guest = stuck_guest(scene)
    real = FakeDisks.copy_content

    def copy(self: FakeDisks, *arguments: Any, part: Part, **more: Any) -> str:
        found = real(self, *arguments, part=part, **more)
        if part.offset == 10:
            b(scene).contents[PATH] = b(scene).contents[PATH][:-1] + "?"
        return found

    monkeypatch.setattr(FakeDisks, "copy_content", copy)
    ended = scene.run(ask(scene, guest))
    assert (ended.state, ended.state_text) == (State.FAILED, "db-01 is shut off on kvm-a. The migration failed.")
    assert "does not have the content of disk vda: the checksums are different" in ended.error["cause"]
    assert "migrate" not in scene.fleet.methods()
    assert_as_before(scene, guest)


def test_a_pool_that_fills_up_ends_it(scene: Scene, monkeypatch: Any) -> None:
    monkeypatch.setattr(patience, "STORAGE_S", 0.1)
    guest = stuck_guest(scene)

    def full(*_: Any, **__: Any) -> str:
        raise GatewayError("cannot write: No space left on device", code=38)

    monkeypatch.setattr(FakeDisks, "copy_content", full)
    ended = scene.run(ask(scene, guest))
    assert ended.state == State.FAILED
    assert "No space left on device" in ended.error["cause"]
    assert_as_before(scene, guest)


def test_a_volume_that_is_there_already_is_never_overwritten(scene: Scene) -> None:
    guest = stuck_guest(scene)
    real = b(scene)
    real.fail("create_volume", GatewayError("storage volume 'db-01.qcow2' exists already", code=90))
    ended = scene.run(ask(scene, guest))
    assert ended.state == State.FAILED
    assert not {"paused.start", "disks.copy_content"} & set(scene.fleet.methods())


def test_a_disk_that_is_written_to_meanwhile_ends_it(scene: Scene, monkeypatch: Any) -> None:
    guest = stuck_guest(scene)
    in_part(scene, monkeypatch, 3, lambda: a(scene).modified.update({PATH: 77.0}))
    ended = scene.run(ask(scene, guest))
    assert (ended.state, ended.error["cause"]) == (
        State.FAILED,
        "Disk vda was written to on kvm-a while it was copied.",
    )
    assert_as_before(scene, guest)


def test_a_definition_that_is_edited_meanwhile_ends_it(scene: Scene, monkeypatch: Any) -> None:
    guest = stuck_guest(scene)
    guest.xml = as_xml(guest)

    def add_a_disk() -> None:
        new = replace(guest.definition.disks[0], target="vdb", path=f"{LOCAL}/new.qcow2")
        guest.definition = replace(guest.definition, disks=(*guest.definition.disks, new))

    in_part(scene, monkeypatch, 2, add_a_disk)
    ended = scene.run(ask(scene, guest))
    assert (ended.state, ended.error["cause"]) == (
        State.FAILED,
        "Somebody changed the definition of db-01 since it was checked: disk vdb.",
    )
    assert "migrate" not in scene.fleet.methods()
    assert_as_before(scene, guest)


def test_a_definition_that_is_not_edited_is_sent(scene: Scene) -> None:
    guest = stuck_guest(scene)
    guest.xml = as_xml(guest)
    assert_arrived(scene, guest, scene.run(ask(scene, guest)))


def test_a_vm_that_is_started_meanwhile_is_not_touched(scene: Scene, monkeypatch: Any) -> None:
    guest = stuck_guest(scene)

    def start() -> None:
        guest.state, guest.reason = RunState.RUNNING, "booted"

    in_part(scene, monkeypatch, 2, start)
    ended = scene.run(ask(scene, guest))
    assert (ended.state, ended.error["cause"]) == (State.FAILED, "The VM was started during the migration.")
    assert guest.state is RunState.RUNNING
    assert [volume.path for volume in b(scene).volumes] == []


def test_a_cancel_in_the_middle_leaves_it_as_it_was(scene: Scene, operator: Any) -> None:
    guest = stuck_guest(scene)
    a(scene).reads.clear()
    migration = ask(scene, guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_DISKS))
    give_order(fresh(migration), BANDWIDTH, value=7, by=operator)
    eventually(lambda: "kvmweb keeps to this bandwidth limit: 7 MiB/s." in said(fresh(migration)))
    assert fresh(migration).stream["bandwidth_mib"] == 7
    assert "For the disks" in BANDWIDTH.consequence(situation(fresh(migration)))
    cancel_migration(fresh(migration), by=operator, reason="wrong host")
    worker.join(10)
    end = fresh(migration)
    assert (end.state, end.state_text) == (State.CANCELLED, "db-01 is shut off on kvm-a. The migration was cancelled.")
    assert_as_before(scene, guest)


def test_a_definition_that_is_refused_leaves_it_as_it_was(scene: Scene) -> None:
    guest = stuck_guest(scene)
    scene.script(guest, ending=Ending.ROLLED_BACK)
    ended = scene.run(ask(scene, guest))
    assert ended.state == State.FAILED
    assert_as_before(scene, guest)


# --- what breaks, and goes on ---------------------------------------------------------------------------------------


def in_part(scene: Scene, monkeypatch: Any, nth: int, what: Callable[[], None]) -> None:
    """Happens once, in the middle of a part: the first half of it is written."""
    real, calls = FakeDisks.copy_content, iter(range(99))

    def copy(self: FakeDisks, *arguments: Any, part: Part, **more: Any) -> str:
        now = next(calls)
        if now == nth:
            real(self, *arguments, part=replace(part, length=part.length // 2), **more)
            what()
        return real(self, *arguments, part=part, **more)

    monkeypatch.setattr(FakeDisks, "copy_content", copy)


def lost() -> None:
    raise HostUnreachable("the connection was lost")


def test_a_stream_that_breaks_goes_on_where_it_was_compared(scene: Scene, monkeypatch: Any) -> None:
    guest = stuck_guest(scene)
    in_part(scene, monkeypatch, 2, lost)
    done = scene.run(ask(scene, guest))
    assert_arrived(scene, guest, done)
    assert "The stream of disk vda broke: the connection was lost. It goes on at 20 B" in said(done)
    assert len(asked(scene, "disks.write_content")) == 5  # one part twice


def test_storage_that_refuses_for_a_while_does_not_end_it(scene: Scene, monkeypatch: Any) -> None:
    """More often than a broken connection is tried, in one part."""
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.01)
    guest = stuck_guest(scene)
    real, tries = FakeDisks.copy_content, iter(range(99))

    def copy(self: FakeDisks, *arguments: Any, part: Part, **more: Any) -> str:
        if part.offset == 20 and next(tries) < 8:
            raise GatewayError("cannot open volume: Stale file handle", code=38)
        return real(self, *arguments, part=part, **more)

    monkeypatch.setattr(FakeDisks, "copy_content", copy)
    assert_arrived(scene, guest, scene.run(ask(scene, guest)))


def test_each_part_may_be_refused(scene: Scene, monkeypatch: Any) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(patience, "STORAGE_S", 0.0)
    guest = stuck_guest(scene)
    real, tries = FakeDisks.copy_content, Counter[int]()

    def copy(self: FakeDisks, *arguments: Any, part: Part, **more: Any) -> str:
        tries[part.offset] += 1
        if tries[part.offset] <= 2:
            raise GatewayError("cannot open volume: Stale file handle", code=38)
        return real(self, *arguments, part=part, **more)

    monkeypatch.setattr(FakeDisks, "copy_content", copy)
    assert_arrived(scene, guest, scene.run(ask(scene, guest)))


@pytest.mark.parametrize("host", [a, b])
def test_a_silent_host_is_waited_for(scene: Scene, monkeypatch: Any, host: Callable[[Scene], FakeHost]) -> None:
    monkeypatch.setattr(patience, "SILENCE_S", 1.0)
    guest = stuck_guest(scene)

    def silence() -> None:
        host(scene).silent = True
        lost()

    in_part(scene, monkeypatch, 2, silence)
    waits = scene.run(ask(scene, guest))
    assert waits.state == State.NEEDS_ATTENTION
    assert guest.state is RunState.SHUTOFF
    assert "migrate" not in scene.fleet.methods()
    host(scene).silent = False
    assert_arrived(scene, guest, scene.adopt(waits))
    assert len(asked(scene, "disks.write_content")) == 5


@pytest.mark.parametrize("nth", range(4))
def test_killed_in_each_part(scene: Scene, monkeypatch: Any, nth: int) -> None:
    guest = stuck_guest(scene)

    def kill() -> None:
        raise Killed

    with monkeypatch.context() as patch:
        in_part(scene, patch, nth, kill)
        left = killed(scene, ask(scene, guest))
    assert_arrived(scene, guest, scene.adopt(left))
    assert len(asked(scene, "disks.write_content")) == 5


@pytest.mark.parametrize(("host", "step"), [(b, "disks.checksum"), (a, "disks.file_size"), (b, "disks.file_size")])
def test_killed_at_other_steps(scene: Scene, host: Callable[[Scene], FakeHost], step: str) -> None:
    guest = stuck_guest(scene)
    host(scene).fail(step, Killed())
    left = killed(scene, ask(scene, guest))
    end = scene.adopt(left)
    if left.stream:
        assert_arrived(scene, guest, end)
    else:  # it had not begun
        assert end.state == State.FAILED
        assert_as_before(scene, guest)


def test_killed_before_its_definition_was_sent(scene: Scene, monkeypatch: Any) -> None:
    """Nobody knows whether libvirt was asked: it is waited for, and never asked twice. It may still define the VM on the
    destination, so the copies stay there."""
    monkeypatch.setattr(patience, "JOB_WAIT_S", 1.0)
    guest = stuck_guest(scene)
    with monkeypatch.context() as patch:
        patch.setattr(sending, "Mover", killer)
        left = killed(scene, ask(scene, guest))
    assert left.call_made
    end = scene.adopt(left)
    assert end.state == State.FAILED
    assert "migrate" not in scene.fleet.methods()
    assert a(scene).guests[guest.definition.uuid].state is RunState.SHUTOFF
    assert (paths(a(scene)), paths(b(scene))) == ([PATH], [PATH])
    assert "what it copied to kvm-b stays there" in end.error["what_to_do"]
