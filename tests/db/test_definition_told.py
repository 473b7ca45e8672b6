"""Whether the saved definition has arrived as it was is in the journal, and decides nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hosts.gateway.port import HostUnreachable
from migrations_app.domain.lifecycle import State
from tests.db.moving import Scene, said
from tests.fakes.gateway import FakeConnection

pytestmark = pytest.mark.dual


def change(monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
    """kvm-b has something else in its definition."""
    plain = FakeConnection.guest_details

    def details(self: Any, uuid: str) -> Any:
        found = plain(self, uuid)
        return replace(found, xml=found.xml.replace(old, new)) if self._host.name == "kvm-b" else found

    monkeypatch.setattr(FakeConnection, "guest_details", details)


def test_nothing_is_said_about_one_that_is_the_same(scene: Scene) -> None:
    done = scene.run(scene.request(scene.add_guest()))
    assert done.state == State.DONE
    assert "definition" not in said(done)


def test_what_differs_is_told_and_the_migration_is_done(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, "<domain type='qemu'>", "<domain type='kvm'>")
    done = scene.run(scene.request(scene.add_guest()))
    assert done.state == State.DONE
    assert "The saved definition on kvm-b is not quite the one that kvm-a had: @type was “qemu”, is “kvm”." in said(
        done
    )


def test_a_name_that_was_asked_for_is_not_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, "<name>web-01</name>", "<name>web-02</name>")
    done = scene.run(scene.request(scene.add_guest(), new_name="web-02"))
    assert (done.state, "not quite" in said(done)) == (State.DONE, False)


@pytest.mark.parametrize("xml", ["<network/>", "no XML", ""])
def test_what_cannot_be_read_is_not_compared(xml: str, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, "<domain type='qemu'><name>web-01</name></domain>", xml)
    done = scene.run(scene.request(scene.add_guest()))
    assert (done.state, "not quite" in said(done)) == (State.DONE, False)


def test_a_host_that_does_not_tell_is_not_spoken_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, "<domain type='qemu'>", "<domain type='kvm'>")
    scene.fleet["kvm-b"].fail("guest_details", HostUnreachable("busy"), times=100)
    done = scene.run(scene.request(scene.add_guest()))
    assert (done.state, "not quite" in said(done)) == (State.DONE, False)


def test_a_transient_vm_has_none(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, "<domain type='qemu'>", "<domain type='kvm'>")
    done = scene.run(scene.request(scene.add_guest(), persist=False, undefine_source=False))
    assert (done.state, "not quite" in said(done)) == (State.DONE, False)
