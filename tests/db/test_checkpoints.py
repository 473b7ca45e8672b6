"""Checkpoints of the VM: recorded before anything starts, defined again where the VM ended, whatever becomes of the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hosts.facts import checkpoint_xml
from hosts.facts.checkpoint import Checkpoint
from hosts.facts.guest import RunState
from hosts.facts.xml import Builder
from hosts.gateway.port import GatewayError
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.worker.held import Held
from tests.db.moving import Scene, eventually, fresh, in_state, said
from tests.fakes.gateway import FakeConnection
from tests.fakes.guests import Ending, FakeGuest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


def made(name: str, parent: str = "", created: int = 1_700_000_000) -> Checkpoint:
    root = Builder("domaincheckpoint")
    root.add("name", name)
    if parent:
        root.add("parent").add("name", parent)
    root.add("creationTime", str(created))
    return checkpoint_xml.parse(root.xml())


CHAIN = (made("monday"), made("tuesday", "monday"), made("wednesday", "tuesday"))
NAMES = ["monday", "tuesday", "wednesday"]


class Killed(BaseException):
    """The worker's process ends here."""


@pytest.fixture
def guest(scene: Scene) -> FakeGuest:
    return scene.add_guest(checkpoints=CHAIN)


def on(scene: Scene, host: str, guest: FakeGuest) -> tuple[Checkpoint, ...]:
    return scene.fleet[host].guests[guest.definition.uuid].checkpoints


def steps(migration: Migration) -> list[tuple[str, str]]:
    return [(step["about"]["checkpoint"], step["state"]) for step in migration.steps]


def test_they_are_at_the_destination_in_their_order(scene: Scene, guest: FakeGuest) -> None:
    done = scene.run(scene.request(guest))
    assert done.state == State.DONE
    assert on(scene, "kvm-b", guest) == CHAIN
    assert [one["name"] for one in done.checkpoints] == NAMES
    assert steps(done) == [(name, "verified") for name in NAMES]
    assert "Redefined checkpoints monday, tuesday, wednesday on kvm-b." in said(done)
    assert done.error == {}


def test_they_are_recorded_before_libvirt_is_asked(
    scene: Scene, guest: FakeGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    migrate = FakeConnection.migrate

    def look_first(self: FakeConnection, call: Any) -> None:
        seen.extend(Migration.objects.get().checkpoints)
        migrate(self, call)

    monkeypatch.setattr(FakeConnection, "migrate", look_first)
    scene.run(scene.request(guest))
    assert [Checkpoint(**one) for one in seen] == list(CHAIN)


def test_a_vm_without_any_costs_one_question(scene: Scene) -> None:
    guest = scene.add_guest()
    done = scene.run(scene.request(guest))
    assert (done.state, done.checkpoints, done.steps) == (State.DONE, [], [])
    assert [name for name in scene.fleet.methods() if "checkpoint" in name] == ["checkpoints"]
    assert "heckpoint" not in said(done)


def test_after_a_failure_the_source_has_them(scene: Scene, guest: FakeGuest) -> None:
    scene.script(guest, ending=Ending.ROLLED_BACK)
    failed = scene.run(scene.request(guest))
    assert (failed.state, failed.steps) == (State.FAILED, [])
    assert on(scene, "kvm-a", guest) == CHAIN
    assert "redefine_checkpoint" not in scene.fleet.methods()


def test_those_that_are_missing_at_the_source_after_a_failure_are_defined_again(scene: Scene, guest: FakeGuest) -> None:
    move = scene.script(guest, ending=Ending.ROLLED_BACK)
    move.go_on.clear()
    migration = scene.request(guest)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    guest.checkpoints = CHAIN[:1]
    move.go_on.set()
    worker.join(20)
    assert on(scene, "kvm-a", guest) == CHAIN


def test_one_without_its_bitmap_ends_in_words_not_in_a_failure(scene: Scene, guest: FakeGuest) -> None:
    guest.lost_bitmaps = ("tuesday",)
    done = scene.run(scene.request(guest))
    assert done.state == State.DONE
    assert on(scene, "kvm-b", guest) == CHAIN[:1]
    assert steps(done) == [("monday", "verified")]  # what was refused for certain is not written down as done
    left = done.error["what_to_do"]
    assert left.startswith(
        "kvmweb could not redefine checkpoints tuesday, wednesday on kvm-b: missing or broken bitmap 'tuesday'"
    )
    assert left.endswith("Incremental backups since them fail: make a full backup.")
    assert left in said(done)
    assert "Redefined checkpoint monday on kvm-b." in said(done)


def test_of_a_paused_vm_the_bitmaps_cannot_be_verified(scene: Scene, guest: FakeGuest) -> None:
    guest.state = RunState.PAUSED
    done = scene.run(scene.request(guest))
    assert done.state == State.DONE
    assert on(scene, "kvm-b", guest) == CHAIN
    assert said(done).count("kvmweb could not verify the dirty bitmaps of the checkpoints on kvm-b:") == 1
    assert done.error == {}


def test_a_destination_that_does_not_answer_is_said(scene: Scene, guest: FakeGuest) -> None:
    scene.fleet["kvm-b"].fail("redefine_checkpoint", GatewayError("the domain is busy", code=68, domain=10), times=9)
    done = scene.run(scene.request(guest))
    assert done.state == State.DONE
    assert "could not redefine checkpoints monday, tuesday, wednesday on kvm-b: the domain is busy" in said(done)
    assert steps(done) == [("monday", "begun")]  # it may have happened


def test_a_destination_that_cannot_list_them_is_said(scene: Scene, guest: FakeGuest) -> None:
    checkpoints = FakeConnection.checkpoints

    def refuse_there(self: FakeConnection, uuid: str) -> tuple[Checkpoint, ...]:
        if self.identity().hostname == "kvm-b":
            raise GatewayError("no answer", code=68)
        return checkpoints(self, uuid)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FakeConnection, "checkpoints", refuse_there)
        done = scene.run(scene.request(guest))
    assert (done.state, done.steps) == (State.DONE, [])
    assert "could not redefine checkpoints monday, tuesday, wednesday on kvm-b: no answer" in done.error["what_to_do"]


def test_a_source_that_cannot_list_them_is_an_unknown(scene: Scene, guest: FakeGuest) -> None:
    scene.fleet["kvm-a"].fail("checkpoints", GatewayError("no answer", code=68), times=9)
    done = scene.run(scene.request(guest))
    assert (done.state, done.checkpoints) == (State.DONE, [])
    assert {f["check"]: f["severity"] for f in done.findings}["checkpoints"] == "unknown"
    assert "kvmweb cannot tell whether the VM's checkpoints stay usable" in said(done)


def test_a_transient_vm_keeps_them_too(scene: Scene) -> None:
    guest = scene.add_guest(checkpoints=CHAIN, persistent=False)
    done = scene.run(scene.request(guest))
    assert (done.state, on(scene, "kvm-b", guest)) == (State.DONE, CHAIN)


def test_a_definition_that_stays_on_the_source_keeps_its_own(scene: Scene, guest: FakeGuest) -> None:
    done = scene.run(scene.request(guest, undefine_source=False))
    assert done.state == State.DONE
    assert on(scene, "kvm-a", guest) == on(scene, "kvm-b", guest) == CHAIN


def test_volumes_are_removed_and_checkpoints_are_not(scene: Scene) -> None:
    """A worker dies after it redefined one at the source; the next one undoes only what was made at the destination."""
    guest = scene.add_local_guest(checkpoints=CHAIN)
    move = scene.script(guest, ending=Ending.ROLLED_BACK)
    move.go_on.clear()
    migration = scene.request(guest, copy=True)
    with pytest.MonkeyPatch.context() as patched:
        _kill_around("redefine_checkpoint", 1, after=True)(patched)
        worker = scene.in_background(lambda row: _until_killed(scene, row), migration)
        eventually(in_state(migration, State.COPYING_DISKS, State.COPYING_MEMORY))
        guest.checkpoints = CHAIN[:1]
        move.go_on.set()
        worker.join(20)
    assert [step["step"] for step in fresh(migration).steps] == ["redefine checkpoint"]
    failed = scene.adopt(migration)
    assert failed.state == State.FAILED
    assert steps(failed) == [("tuesday", "verified"), ("wednesday", "verified")]
    assert on(scene, "kvm-a", guest) == CHAIN
    assert "Redefined checkpoints tuesday, wednesday on kvm-a." in said(failed)


def _until_killed(scene: Scene, migration: Migration) -> Migration:
    with pytest.raises(Killed):
        scene.run(migration)
    return migration


def _kill_before_write(number: int) -> Callable[[pytest.MonkeyPatch], None]:
    """The worker dies just before it writes the book for the `number`-th time."""

    def arm(patched: pytest.MonkeyPatch) -> None:
        write, count = Held.write, iter(range(1, 1000))

        def dying(self: Held, written: Any) -> None:
            if next(count) == number:
                raise Killed
            write(self, written)

        patched.setattr(Held, "write", dying)

    return arm


def _kill_around(method: str, number: int, *, after: bool) -> Callable[[pytest.MonkeyPatch], None]:
    """The worker dies before or after the host did what it was asked for the `number`-th time."""

    def arm(patched: pytest.MonkeyPatch) -> None:
        do, count = getattr(FakeConnection, method), iter(range(1, 1000))

        def dying(self: FakeConnection, *arguments: Any, **more: Any) -> Any:
            kill = next(count) == number
            if kill and not after:
                raise Killed
            answer = do(self, *arguments, **more)
            if kill:
                raise Killed
            return answer

        patched.setattr(FakeConnection, method, dying)

    return arm


#: three writes a step: begun, done, verified
KILLS = {
    **{f"before write {number}": _kill_before_write(number) for number in range(1, 10)},
    **{
        f"before {name} is defined": _kill_around("redefine_checkpoint", at, after=False)
        for at, name in enumerate(NAMES, 1)
    },
    **{
        f"after {name} is defined": _kill_around("redefine_checkpoint", at, after=True)
        for at, name in enumerate(NAMES, 1)
    },
    **{
        f"while {name} is verified": _kill_around("checkpoint_named", at, after=True)
        for at, name in enumerate(NAMES, 1)
    },
    "while the destination is asked what it has": _kill_around("checkpoints", 2, after=True),
}


@pytest.mark.parametrize("kill", KILLS.values(), ids=KILLS.keys())
def test_a_worker_killed_at_any_step_is_followed_by_one_that_finishes(
    scene: Scene, guest: FakeGuest, kill: Callable[[pytest.MonkeyPatch], None]
) -> None:
    migration = scene.request(guest)
    with pytest.MonkeyPatch.context() as patched:
        kill(patched)
        with pytest.raises(Killed):
            scene.run(migration)
    done = scene.adopt(migration)
    assert done.state == State.DONE
    assert on(scene, "kvm-b", guest) == CHAIN
    assert steps(done) == [(name, "verified") for name in NAMES]
    assert said(done).count("Redefined checkpoints monday, tuesday, wednesday on kvm-b.") == 1
    assert done.error == {}
