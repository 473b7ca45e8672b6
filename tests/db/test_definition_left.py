"""A definition that libvirt was to remove from the source, and left there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hosts.facts.guest import RunState
from hosts.gateway.port import GatewayError, HostUnreachable, Refused
from migrations_app.domain.lifecycle import State
from migrations_app.worker.steps.undefine import undefine_at_source
from tests.db.moving import Scene, said
from tests.fakes.gateway import FakeHost
from tests.fakes.guests import Ending, FakeGuest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


def left(scene: Scene, **fields: Any) -> FakeGuest:
    guest = scene.add_guest(**fields)
    scene.script(guest, ending=Ending.DEFINITION_LEFT)
    return guest


def test_it_is_removed_once_the_vm_is_proven_to_run_at_the_destination(scene: Scene) -> None:
    guest = left(scene, autostart=True)
    end = scene.run(scene.request(guest))
    assert end.state == State.DONE
    assert end.state_text.startswith("web-01 runs on kvm-b.")
    assert guest.definition.uuid not in scene.fleet["kvm-a"].guests
    assert scene.fleet["kvm-b"].guests[guest.definition.uuid].autostart
    assert said(end).count("libvirt had left the definition of web-01 on kvm-a. kvmweb removed it.") == 1
    assert [(step["step"], step["state"]) for step in end.steps] == [("undefine", "verified")]


def test_a_definition_that_was_to_stay_stays(scene: Scene) -> None:
    guest = left(scene)
    end = scene.run(scene.request(guest, undefine_source=False))
    assert end.state == State.DONE
    assert scene.fleet["kvm-a"].guests[guest.definition.uuid].state is RunState.SHUTOFF
    assert "undefine" not in scene.fleet.methods()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Refused("cannot delete inactive domain with 1 snapshots", code=55, domain=10), "with 1 snapshots"),
        (GatewayError("the host did not answer in time", code=68), "did not answer in time"),
    ],
)
def test_what_libvirt_refuses_is_left_to_a_user(scene: Scene, error: GatewayError, words: str) -> None:
    guest = left(scene, autostart=True)
    scene.fleet["kvm-a"].fail("undefine", error, times=9)
    end = scene.run(scene.request(guest))
    assert end.state == State.NEEDS_ATTENTION
    assert end.state_text == "web-01 runs on kvm-b, and its shut-off definition is still on kvm-a."
    assert words in end.error["cause"]
    assert f"virsh undefine {guest.definition.uuid} --keep-nvram" in end.error["what_to_do"]
    assert scene.fleet.methods().count("undefine") == 1
    assert not scene.fleet["kvm-a"].guests[guest.definition.uuid].autostart  # its next boot would start a second one
    assert said(end).count("Autostart is off for the VM on kvm-a: it would have run twice") == 1

    # nothing is removed any more without a user; and when one has done it, kvmweb sees that
    scene.fleet["kvm-a"].heal("undefine")
    assert scene.adopt(end).state == State.NEEDS_ATTENTION
    del scene.fleet["kvm-a"].guests[guest.definition.uuid]
    assert scene.adopt(end).state == State.DONE
    assert scene.fleet["kvm-b"].guests[guest.definition.uuid].autostart


def test_an_autostart_that_stays_on_is_told(scene: Scene) -> None:
    guest = left(scene, autostart=True)
    host = scene.fleet["kvm-a"]
    host.fail("undefine", Refused("it has a snapshot", code=55, domain=10), times=9)
    host.fail("set_autostart", Refused("it is locked", code=55, domain=10), times=9)
    end = scene.run(scene.request(guest))
    assert f"On kvm-a run: virsh autostart --disable {guest.definition.uuid}" in end.error["what_to_do"]


def test_one_that_is_back_needs_a_user(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something defines it again, as configuration management does: it is not removed again and again."""
    guest = left(scene)
    guests = scene.fleet["kvm-a"].guests

    def defined_again(*about: Any) -> str:
        kept = guests[guest.definition.uuid]
        why = undefine_at_source(*about)
        guests[guest.definition.uuid] = kept
        return why

    monkeypatch.setattr("migrations_app.worker.watch.watch.undefine_at_source", defined_again)
    end = scene.run(scene.request(guest))
    assert end.state == State.NEEDS_ATTENTION
    assert "kvm-a has the definition, although libvirt said that it removed it." in end.error["cause"]
    assert scene.fleet.methods().count("undefine") == 1


def test_disks_that_it_has_run_with_outlive_what_a_user_does_then(scene: Scene) -> None:
    """It stops on kvm-b, and is started on kvm-a, with the disks of before the migration."""
    guest = scene.add_local_guest()
    scene.script(guest, ending=Ending.DEFINITION_LEFT)
    scene.fleet["kvm-a"].fail("undefine", Refused("it has a snapshot", code=55, domain=10), times=9)
    end = scene.run(scene.request(guest, copy=True))
    assert end.state == State.NEEDS_ATTENTION
    uuid = guest.definition.uuid

    del scene.fleet["kvm-b"].guests[uuid]
    scene.fleet["kvm-a"].guests[uuid].reason = "shutdown"  # libvirtd was started again
    off = scene.adopt(end)
    assert off.state_text == "Neither kvm-a nor kvm-b runs db-01. It was on kvm-b after its migration."
    assert "virsh start" not in off.error["what_to_do"]

    here = scene.fleet["kvm-a"].guests[uuid]
    here.state, here.reason, here.run = RunState.RUNNING, "booted", 2
    on = scene.adopt(off)
    assert on.state == State.NEEDS_ATTENTION
    assert "its newest data may be on either host" in on.state_text
    assert "delete_volume" not in scene.fleet.methods()


class Killed(BaseException):
    """As by SIGKILL: nothing is caught, nothing is written."""


@pytest.mark.parametrize("before", [True, False], ids=["before the call", "after the call"])
def test_a_worker_killed_meanwhile(scene: Scene, monkeypatch: pytest.MonkeyPatch, *, before: bool) -> None:
    guest = left(scene)
    host = scene.fleet["kvm-a"]

    def killed(method: str, *arguments: Any) -> None:
        if method == "undefine":
            monkeypatch.undo()
            if not before:
                del host.guests[guest.definition.uuid]
            raise Killed
        called(method, *arguments)

    called: Callable[..., None] = host.called
    monkeypatch.setattr(host, "called", killed)
    row = scene.request(guest)
    with pytest.raises(Killed):
        scene.run(row)
    end = scene.adopt(row)
    assert end.state == State.DONE
    assert guest.definition.uuid not in host.guests


@pytest.mark.parametrize("host", ["kvm-a", "kvm-b"])
def test_nothing_is_removed_when_a_host_says_something_else_meanwhile(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Between the look that decided and the step: the VM is started on the source, or gone from the destination."""
    guest = left(scene)
    uuid = guest.definition.uuid

    def changed(*_: Any) -> str:
        found: FakeHost = scene.fleet[host]
        if host == "kvm-a":
            found.guests[uuid].state = RunState.RUNNING
        else:
            found.fail("look", HostUnreachable("no route"), times=9)
        why = undefine_at_source(*_)
        found.heal("look")
        if host == "kvm-a":
            found.guests[uuid].state = RunState.SHUTOFF
        return why

    monkeypatch.setattr("migrations_app.worker.watch.watch.undefine_at_source", changed)
    end = scene.run(scene.request(guest))
    assert end.state == State.NEEDS_ATTENTION
    assert f"{host} does not say any more" in end.error["cause"]
    assert uuid in scene.fleet["kvm-a"].guests
    assert "undefine" not in scene.fleet.methods()
    assert end.steps == []
