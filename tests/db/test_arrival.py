"""A VM is tested after its migration is done; nothing that hangs or fails then changes how it ended."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django_q.models import OrmQ

from hosts.facts.guest import RunState
from hosts.gateway.port import GatewayError
from kvmweb.journal.models import Entry
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration, ProbeAddress, ProbeNetwork
from migrations_app.usecases.errors import NotOffered
from migrations_app.usecases.examine import correct_clock, examine_again
from migrations_app.worker import examine as examining
from migrations_app.worker.watch import before, felt
from tests.db.moving import Scene, eventually, fresh, said
from tests.fakes.guests import FakeGuest, GuestAgent

pytestmark = [pytest.mark.django_db(transaction=True)]
ADDRESS = "203.0.113.17"
SILENT = GatewayError("Guest agent is not responding", code=86, domain=10)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "CPU_SECONDS", 0.1)
    monkeypatch.setattr(examining, "CPU_LOOK_SECONDS", 0.01)
    for module in (examining, before):
        monkeypatch.setattr(module, "has_agent", _has_agent)
    monkeypatch.setattr("migrations_app.worker.watch.ending.has_agent", _has_agent)


#: of which VMs the definition has a channel
_with_agent: set[str] = set()


def _has_agent(row: Migration) -> bool:
    return str(row.guest_id) in _with_agent


def add_guest(scene: Scene, *, agent: GuestAgent | None = None, **changes: Any) -> FakeGuest:
    guest = scene.add_guest(agent=agent, **changes)
    if agent is not None:
        _with_agent.add(guest.definition.uuid)
    return guest


def migrated(scene: Scene, guest: FakeGuest) -> Migration:
    """Not before its agent was asked."""
    scene.script(guest).go_on.clear()
    worker = scene.in_background(scene.run, migration := scene.request(guest))
    eventually(lambda: "agent_addresses" in scene.fleet.methods("kvm-a"))
    scene.fleet.moves[guest.definition.uuid].go_on.set()
    worker.join(30)
    return fresh(migration)


def tasks() -> list[str]:
    return [row.task["func"].rpartition(".")[2] for row in OrmQ.objects.order_by("id")]


def examine(scene: Scene, migration: Migration) -> dict[str, tuple[str, str]]:
    examining.examine(migration.pk, connect=scene.fleet.connect)
    return {row["test"]: (row["result"], row["text"]) for row in fresh(migration).arrival}


def test_it_is_done_before_it_is_tested(scene: Scene) -> None:
    OrmQ.objects.all().delete()
    done = scene.run(scene.request(add_guest(scene)))
    assert done.state == State.DONE
    assert [(row["test"], row["result"]) for row in done.arrival] == [
        ("cpu", "unknown"), ("address", "unknown"), ("clock", "unknown"),
    ]  # fmt: skip
    assert "examine" in tasks()
    assert examine(scene, done) == {
        "cpu": ("passed", "Its CPUs work."),
        "address": ("unknown", felt.NO_NETWORK),
        "clock": ("unknown", examining.NO_AGENT),
    }
    assert (fresh(done).state, fresh(done).error) == (State.DONE, {})


def test_with_an_agent(scene: Scene) -> None:
    agent = GuestAgent(ahead_s=0.3)
    done = migrated(scene, add_guest(scene, agent=agent))
    assert 200 < (done.clock_before_ms or 0) < 400
    agent.ahead_s = -4
    found = examine(scene, done)
    assert found["agent"] == ("passed", "The guest agent answers.")
    assert found["clock"][0] == "failed"
    assert "4.0 s behind kvmweb's; before the switchover it was" in found["clock"][1]
    assert "After the migration: The VM's clock is 4.0 s behind" in said(done)
    assert fresh(done).state == State.DONE


def test_an_agent_that_hangs_delays_no_migration(scene: Scene) -> None:
    agent = GuestAgent()
    agent.awake.clear()
    guest = add_guest(scene, agent=agent)
    worker = scene.in_background(scene.run, migration := scene.request(guest))
    worker.join(30)  # the agent hangs for longer
    assert not worker.is_alive()
    done = fresh(migration)
    assert (done.state, done.clock_before_ms) == (State.DONE, None)
    agent.awake.set()


def test_an_agent_that_went_silent_has_failed(scene: Scene) -> None:
    agent = GuestAgent()
    done = migrated(scene, add_guest(scene, agent=agent))
    agent.error = SILENT
    found = examine(scene, done)
    assert found["agent"][0] == "failed"
    assert found["clock"] == ("unknown", "The guest agent does not tell it.")


def test_addresses_of_the_agent_are_probed_in_named_networks_only(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    heard = threading.Event()

    def find(address: str) -> None:
        asked.append(address)
        heard.set()

    monkeypatch.setattr(felt, "find", find)
    ProbeNetwork.objects.create(cidr="203.0.113.0/24")
    guest = add_guest(scene, agent=GuestAgent(addresses=("127.0.0.1", "198.51.100.3", ADDRESS)))
    scene.script(guest).go_on.clear()
    worker = scene.in_background(scene.run, migration := scene.request(guest))
    assert heard.wait(10)
    scene.fleet.moves[guest.definition.uuid].go_on.set()
    worker.join(10)
    assert set(asked) == {ADDRESS}
    assert fresh(migration).felt is None


@pytest.mark.parametrize("answers", [True, False])
def test_the_address(scene: Scene, monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    class Way:
        def close(self) -> None: ...

    guest = add_guest(scene)
    done = scene.run(scene.request(guest))
    ProbeNetwork.objects.create(cidr="203.0.113.0/24")
    ProbeAddress.objects.create(guest_id=guest.definition.uuid, address=ADDRESS)
    monkeypatch.setattr(examining, "find", lambda where, seconds: Way() if answers else None)
    assert examine(scene, done)["address"][0] == ("passed" if answers else "unknown")
    Migration.objects.filter(pk=done.pk).update(felt={"address": ADDRESS})
    assert examine(scene, done)["address"][0] == ("passed" if answers else "failed")


def test_cpus_that_do_nothing(scene: Scene) -> None:
    done = scene.run(scene.request(add_guest(scene, works_ms=0)))
    assert examine(scene, done)["cpu"] == ("failed", "Its CPUs have done nothing for 0 s.")


def test_what_is_not_there_any_more_is_unknown(scene: Scene) -> None:
    guest = add_guest(scene, agent=GuestAgent())
    done = scene.run(scene.request(guest))
    there = scene.fleet["kvm-b"]
    there.guests[guest.definition.uuid].state = RunState.PAUSED
    found = examine(scene, done)
    assert {found[test] for test in ("agent", "cpu", "clock")} == {("unknown", "The VM is paused on kvm-b.")}
    there.silent = True
    assert {result for result, _ in examine(scene, done).values()} == {"unknown"}
    there.silent = False
    del there.guests[guest.definition.uuid]
    assert examine(scene, done)["cpu"] == ("unknown", "The VM does not run on kvm-b any more.")


def test_what_is_not_meant_to_run_is_not_tested(scene: Scene) -> None:
    OrmQ.objects.all().delete()
    guest = add_guest(scene, state=RunState.SHUTOFF, reason="shutdown")
    done = scene.run(scene.request(guest, kind=Kind.OFFLINE))
    assert (done.state, done.arrival, tasks().count("examine")) == (State.DONE, [], 0)
    assert examine(scene, done) == {}


def test_a_user_lets_the_clock_be_set(scene: Scene, operator: Any) -> None:
    agent = GuestAgent(ahead_s=-7)
    done = migrated(scene, add_guest(scene, agent=agent))
    correct_clock(done, by=operator, reason="tickets expire")
    assert tasks()[-1] == "set_clock"
    examining.set_clock(done.pk, connect=scene.fleet.connect)
    assert abs(agent.ahead_s) < 1
    entry = Entry.objects.get(text__contains="wants the VM's clock")
    assert (entry.actor, entry.reason) == (operator, "tickets expire")
    assert "kvmweb set the VM's clock to its own." in said(done)
    agent.error = SILENT
    examining.set_clock(done.pk, connect=scene.fleet.connect)
    assert "The VM's clock was not set. Guest agent is not responding" in said(done)


def test_what_cannot_be_asked_for(scene: Scene, operator: Any, django_user_model: Any) -> None:
    guest = add_guest(scene)
    done = scene.run(scene.request(guest))
    with pytest.raises(NotOffered, match="no guest agent"):
        correct_clock(done, by=operator)
    with pytest.raises(PermissionDenied):
        examine_again(done, by=django_user_model.objects.create_user("nobody"))
    examine_again(done, by=operator)
    scene.seen(scene.fleet["kvm-b"].guests[guest.definition.uuid], "kvm-b")
    back = scene.run(scene.request(guest, to="kvm-a"))
    assert back.state == State.DONE
    with pytest.raises(NotOffered, match="migrated again"):
        examine_again(done, by=operator)


def test_two_users_at_once_are_one_test(scene: Scene, operator: Any) -> None:
    done = scene.run(scene.request(add_guest(scene)))
    OrmQ.objects.all().delete()
    refused = []

    def ask(migration: Migration) -> Migration:
        try:
            return examine_again(migration, by=operator)
        except NotOffered as why:
            refused.append(str(why))
            return migration

    for worker in [scene.in_background(ask, done) for _ in range(4)]:
        worker.join(30)
    assert (tasks(), len(refused)) == (["examine"], 3)
    assert all(why.startswith("This was asked for a moment ago.") for why in refused)


def test_a_clock_is_not_set_by_an_agent_that_would_do_it_later(scene: Scene) -> None:
    """With the time of now, that is."""
    agent = GuestAgent(ahead_s=-7)
    done = migrated(scene, add_guest(scene, agent=agent))
    agent.error = SILENT
    examining.set_clock(done.pk, connect=scene.fleet.connect)
    assert "agent_set_clock" not in scene.fleet.methods("kvm-b")
    there = scene.fleet["kvm-b"]
    agent.error, there.silent = None, True
    examining.set_clock(done.pk, connect=scene.fleet.connect)
    assert agent.ahead_s == -7
    assert said(done).count("The VM's clock was not set.") == 2
