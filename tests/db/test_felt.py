"""The probe beside the watch: what it measures, why it does not, and that nothing else depends on it."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from hosts.facts.guest import RunState
from hosts.models import Host, Sighting
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration, ProbeAddress, ProbeNetwork
from migrations_app.usecases.give_order import cancel_migration
from migrations_app.words.felt import felt_words, not_felt
from migrations_app.worker.watch import felt
from tests.db.moving import Scene, eventually, fresh, in_state
from tests.fakes.guests import FakeGuest

pytestmark = [pytest.mark.django_db(transaction=True)]
ADDRESS = "203.0.113.17"


class FakeEcho:
    """Answers at once while `answering`."""

    seconds = 0.005

    def __init__(self) -> None:
        self.answering = True
        self.closed = False
        self.answered = self.lost = 0
        self._waiting: list[int] = []

    def send(self, number: int) -> bool:
        if self.answering:
            self._waiting.append(number)
        else:
            self.lost += 1
        return True

    def answers(self, seconds: float) -> list[tuple[int, float]]:
        time.sleep(min(seconds, 0.005))
        found, self._waiting = self._waiting, []
        self.answered += len(found)
        return [(number, time.monotonic()) for number in found]

    def close(self) -> None:
        self.closed = True


class Ways:
    def __init__(self) -> None:
        self.echo: FakeEcho | None = FakeEcho()
        self.asked: list[str] = []

    def find(self, address: str) -> FakeEcho | None:
        self.asked.append(address)
        return self.echo


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    ways = Ways()
    monkeypatch.setattr(felt, "find", ways.find)
    monkeypatch.setattr(felt, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(felt, "AGAIN_SECONDS", 0.05)
    return ways


@pytest.fixture
def guest(scene: Scene) -> FakeGuest:
    """In a network that may be probed, with an address that a user gave."""
    guest = scene.add_guest()
    ProbeNetwork.objects.create(cidr="203.0.113.0/24")
    ProbeAddress.objects.create(guest_id=guest.definition.uuid, address=ADDRESS)
    return guest


def copying(scene: Scene, guest: FakeGuest, **how: Any) -> tuple[Migration, Any]:
    scene.script(guest).go_on.clear()
    migration = scene.request(guest, **how)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    return migration, worker


def heard(scene: Scene, echo: FakeEcho) -> None:
    """Until looks at the source, later than the first answer, have seen it run."""
    eventually(lambda: echo.answered > 1)
    looks = scene.fleet.methods("kvm-a").count("look")
    eventually(lambda: scene.fleet.methods("kvm-a").count("look") > looks + 2)


def end(scene: Scene, guest: FakeGuest, migration: Migration, worker: Any) -> Migration:
    scene.fleet.moves[guest.definition.uuid].go_on.set()
    worker.join(10)
    return fresh(migration)


def test_the_silence_is_measured(scene: Scene, guest: FakeGuest, ways: Ways) -> None:
    assert ways.echo is not None
    migration, worker = copying(scene, guest)
    heard(scene, ways.echo)
    ways.echo.answering = False
    eventually(lambda: ways.echo is not None and ways.echo.lost > 20)
    ways.echo.answering = True
    done = end(scene, guest, migration, worker)
    assert (done.state, done.felt_reason) == (State.DONE, "")
    assert set(done.felt) == {"from", "address", "sent", "lost", "longest_ms"}
    assert (done.felt["from"], done.felt["address"]) == (socket.gethostname(), ADDRESS)
    assert done.felt["longest_ms"] >= 50  # a probe takes 5 ms or more
    assert done.felt["sent"] > done.felt["lost"] > 20
    assert ADDRESS in felt_words(done)
    eventually(lambda: ways.echo is not None and ways.echo.closed)


def test_it_is_heard_before_libvirt_is_asked(
    scene: Scene, guest: FakeGuest, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So also a VM that is paused at once is measured, which no look sees run on its source any more."""
    monkeypatch.setattr(felt.Felt, "observe", lambda *_: None)
    assert ways.echo is not None
    during: list[State] = []
    work = felt.Felt.before_call

    def call(self: felt.Felt) -> None:
        eventually(lambda: ways.echo is not None and ways.echo.answered > 0)
        during.append(self._held.state)
        work(self)

    monkeypatch.setattr(felt.Felt, "before_call", call)
    done = scene.run(scene.request(guest, kind=Kind.SUSPENDED))
    assert (done.state, during) == (State.DONE, [State.STARTING])
    assert done.felt is not None, done.felt_reason
    eventually(lambda: ways.echo is not None and ways.echo.closed)


def test_no_probe_goes_on_after_a_start_that_was_refused(scene: Scene, guest: FakeGuest, ways: Ways) -> None:
    scene.fleet["kvm-b"].volumes.clear()
    scene.fleet["kvm-b"].pools = []
    blocked = scene.run(scene.request(guest))
    assert blocked.state == State.BLOCKED
    eventually(lambda: not ways.asked or (ways.echo is not None and ways.echo.closed))


def test_one_that_stays_silent_is_measured_up_to_the_end_and_ends_all_the_same(
    scene: Scene, guest: FakeGuest, ways: Ways
) -> None:
    assert ways.echo is not None
    migration, worker = copying(scene, guest)
    heard(scene, ways.echo)
    ways.echo.answering = False
    done = end(scene, guest, migration, worker)
    assert done.state == State.DONE
    assert done.felt["longest_ms"] >= 300
    assert done.felt_reason == f"{ADDRESS} has not answered since. It was silent for at least this long."


def test_without_an_answer_before_there_is_no_measurement(scene: Scene, guest: FakeGuest, ways: Ways) -> None:
    ways.echo = None
    migration, worker = copying(scene, guest)
    eventually(lambda: len(ways.asked) > 1)
    done = end(scene, guest, migration, worker)
    assert (done.state, done.felt) == (State.DONE, None)
    assert done.felt_reason.startswith(f"{ADDRESS} answered neither ping nor")


def test_answers_that_may_be_from_the_destination_only_are_no_measurement(
    scene: Scene, guest: FakeGuest, ways: Ways
) -> None:
    """As for a worker that takes over too late."""
    assert ways.echo is not None
    ways.echo.answering = False
    migration, worker = copying(scene, guest)
    scene.fleet.moves[guest.definition.uuid].go_on.set()
    eventually(lambda: not scene.fleet["kvm-a"].guests)
    ways.echo.answering = True
    worker.join(10)
    done = fresh(migration)
    assert (done.state, done.felt, done.felt_reason) == (State.DONE, None, felt.NOT_HEARD)


def test_no_network_is_named(scene: Scene, guest: FakeGuest, ways: Ways) -> None:
    ProbeNetwork.objects.all().delete()
    done = scene.run(scene.request(guest))
    assert (done.state, done.felt, done.felt_reason) == (State.DONE, None, felt.NO_NETWORK)
    assert ways.asked == []


def test_an_address_outside_of_them_is_not_probed(scene: Scene, guest: FakeGuest, ways: Ways) -> None:
    ProbeAddress.objects.update(address="198.51.100.9")
    done = scene.run(scene.request(guest))
    assert (done.felt, ways.asked) == (None, [])
    assert done.felt_reason == "198.51.100.9: not in a network that an admin named for probes."


def test_leases_are_taken_where_no_user_gave_an_address(scene: Scene, guest: FakeGuest, ways: Ways) -> None:
    ProbeAddress.objects.all().delete()
    done = scene.run(scene.request(guest))
    assert done.felt_reason == felt.NO_ADDRESS
    lent = [{"mac": "52:54:00:00:00:01", "address": one} for one in ("127.0.0.1", "198.51.100.9", ADDRESS)]
    Sighting.objects.filter(guest=guest.definition.uuid).update(addresses=lent)
    known = felt.known_addresses(done, host=done.source_id)
    assert len(known) == 3
    assert felt.choose(known, felt.places()) == (ADDRESS, "")


def test_a_paused_vm_is_not_probed(scene: Scene, ways: Ways) -> None:
    done = scene.run(scene.request(scene.add_guest(state=RunState.PAUSED, reason="user")))
    assert (done.state, done.felt, done.felt_reason) == (State.DONE, None, "The VM was paused.")


def test_a_probe_that_breaks_changes_nothing(
    scene: Scene, guest: FakeGuest, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(address: str) -> None:
        raise RuntimeError("no socket")

    monkeypatch.setattr(felt, "find", broken)
    done = scene.run(scene.request(guest))
    assert (done.state, done.felt) == (State.DONE, None)
    assert done.felt_reason == "The probe failed; kvmweb's log has the details."


def test_one_that_was_cancelled_has_none(scene: Scene, guest: FakeGuest, ways: Ways, operator: Any) -> None:
    migration, worker = copying(scene, guest)
    cancel_migration(fresh(migration), by=operator)
    worker.join(10)
    ended = fresh(migration)
    assert (ended.state, ended.felt) == (State.CANCELLED, None)
    assert not_felt(ended) == "There was no switchover."


def test_one_that_is_shut_off_has_none(scene: Scene, guest: FakeGuest, ways: Ways) -> None:
    row = Migration(guest_id=guest.definition.uuid, kind=Kind.OFFLINE, state=State.DONE)
    assert not_felt(row) == "The VM is shut off."
    row.kind = Kind.STOP_MOVE_START
    assert not_felt(row) == "The VM is shut off for this migration."
    row.kind = Kind.STORAGE
    assert not_felt(row) == "The VM stays on its host."


@pytest.mark.parametrize(
    "reported",
    [
        ("203.0.113.5",),  # of kvm-a
        ("198.51.100.5", "203.0.113.5"),
        (
            "127.0.0.1",
            "0.0.0.0",
            "::1",
            "::ffff:203.0.113.5",
            "224.0.0.1",
            "ff02::1",
            "fe80::1%eth0",
            "255.255.255.255",
        ),
        ("203.0.113.0", "203.0.113.255", "10.0.0.7"),
        ("203.0.113.5 ", "203.0.113.17.evil.test", "203.0.113.17/32", "", "-c", "x" * 10_000, "203.0.113.17\n"),
        tuple(f"198.51.{one % 256}.{one // 256}" for one in range(5000)),
    ],
    ids=["host", "both", "special", "edges", "text", "many"],
)
def test_what_a_vm_reports_leads_nowhere_else(
    scene: Scene, reported: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ProbeNetwork.objects.create(cidr="203.0.113.0/24")
    Host.objects.filter(name="kvm-a").update(address="203.0.113.5", migration_address="198.51.100.5")
    address, why = felt.choose(reported, felt.places())
    assert address in ("", "203.0.113.17"), address  # written as an address is, whatever was around it
    assert bool(why) is not bool(address)
    assert len(why) < 300


def test_its_own_machine_is_not_probed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(felt, "is_own", lambda address: address == ADDRESS)
    ProbeNetwork.objects.create(cidr="203.0.113.0/24")
    assert felt.choose([ADDRESS], felt.places()) == (
        "",
        f"{ADDRESS}: of a host or of kvmweb's own machine, not of a VM.",
    )
    assert felt.choose([ADDRESS, "203.0.113.18"], felt.places()) == ("203.0.113.18", "")


def test_addresses_of_ipv6(scene: Scene) -> None:
    ProbeNetwork.objects.create(cidr="2001:db8:7::/64")
    Host.objects.filter(name="kvm-a").update(address="2001:db8:7::a")
    assert felt.choose(["fe80::1", "2001:DB8:7:0::A", "2001:db8:7:0:0:0:0:17"], felt.places()) == ("2001:db8:7::17", "")
