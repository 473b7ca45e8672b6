"""After a migration the saved definitions are compared; the journal says what differs, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest

from hosts.facts.guest import RunState
from hosts.facts.host import version_text
from hosts.gateway.port import Refused
from kvmweb.journal.models import Entry
from kvmweb.journal.writer import migration_topic
from kvmweb.version import VERSION
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from tests.db.moving import LOCAL, Scene, eventually, fresh, in_state, said
from tests.fakes.gateway import FakeHost
from tests.fakes.guests import IMAGES, FakeGuest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]

DIFFERS = "The saved definition on "


def xml(path: str, *, name: str = "web-01", cache: str = "none", kind: str = "qcow2") -> str:
    driver = f"<driver name='qemu' type='{kind}' cache='{cache}'/>"
    disk = f"<disk type='file' device='disk'>{driver}<source file='{path}'/><target dev='vda'/></disk>"
    uuid = "<uuid>d08b2ef3-a5e5-5e3e-8813-fa059c726966</uuid>"
    return f"<domain type='qemu'><name>{name}</name>{uuid}<devices>{disk}</devices></domain>"


def arrives_with(scene: Scene, guest: FakeGuest, text: str, **options: Any) -> Migration:
    """The destination has this definition in the end."""
    move = scene.script(guest)
    move.go_on.clear()
    migration = scene.request(guest, **options)
    worker = scene.in_background(scene.run, migration)
    if guest.active:
        there = scene.fleet["kvm-b"].guests
        eventually(in_state(migration, State.COPYING_MEMORY, State.COPYING_DISKS))
        eventually(lambda: guest.definition.uuid in there)
        there[guest.definition.uuid].xml = text
    else:
        eventually(lambda: "migrate" in scene.fleet.methods())
        guest.xml = text  # the record is written before the call
    move.go_on.set()
    worker.join(20)
    done = fresh(migration)
    assert (done.state, done.error) == (State.DONE, {}), done.state_text
    return done


@pytest.mark.parametrize("kind", [Kind.LIVE, Kind.SUSPENDED, Kind.OFFLINE])
def test_what_differs_is_in_the_journal_and_changes_nothing_else(kind: Kind, scene: Scene) -> None:
    off: dict[str, Any] = {"state": RunState.SHUTOFF, "reason": "shutdown"} if kind is Kind.OFFLINE else {}
    guest = scene.add_guest(xml=xml("/a"), **off)
    done = arrives_with(scene, guest, xml("/a", cache="unsafe"), kind=kind)
    line = (
        "The saved definition on kvm-b is not quite the one that web-01 had on kvm-a:"
        " devices/disk[vda]/driver/@cache is “unsafe” instead of “none”."
    )
    assert said(done).count(line) == 1
    (entry,) = Entry.objects.filter(topic=migration_topic(done.pk), text=line)
    assert entry.body["differences"] == [["devices/disk[vda]/driver/@cache", "none", "unsafe"]]
    assert DIFFERS not in done.state_text
    assert done.target_xml == xml("/a", cache="unsafe")
    now = {"libvirt": version_text(FakeHost.libvirt), "qemu": version_text(FakeHost.qemu)}
    assert done.versions == {"kvmweb": VERSION, "source": now, "target": now}


def test_no_difference_no_line(scene: Scene) -> None:
    guest = scene.add_guest(xml=xml("/a"))
    assert DIFFERS not in said(arrives_with(scene, guest, xml("/a", name="web-02"), new_name="web-02"))


@pytest.mark.parametrize(("cache", "told"), [("none", False), ("unsafe", True)])
def test_a_place_that_was_asked_for_is_no_difference(cache: str, told: bool, scene: Scene) -> None:
    guest = scene.add_local_guest(xml=xml(f"{LOCAL}/db-01.qcow2", name="db-01"))
    text = xml(f"{LOCAL}/new.raw", name="db-01", cache=cache, kind="raw")
    done = arrives_with(scene, guest, text, copy=["vda"], disks={"vda": {"name": "new.raw", "format": "raw"}})
    assert (DIFFERS in said(done)) is told


def test_a_disk_that_only_the_saved_definition_has_elsewhere_stays_there(scene: Scene) -> None:
    guest = scene.add_local_guest(xml=xml("/other", name="db-01"))
    places = {"vda": {"name": "new.raw", "format": "raw"}}
    done = arrives_with(scene, guest, xml("/other", name="db-01"), copy=["vda"], disks=places)
    assert DIFFERS not in said(done)


def test_a_disk_that_stays_on_its_host_must_be_at_its_new_place(scene: Scene) -> None:
    """The fake host does not rewrite this text."""
    guest = scene.add_guest(xml=xml(f"{IMAGES}/web-01.qcow2"))
    done = scene.run(scene.request(guest, to="kvm-a", kind=Kind.STORAGE, disks={"vda": {"pool": "default"}}))
    assert done.state == State.DONE, done.state_text
    assert (
        "The saved definition on kvm-a is not quite the one that web-01 had before: devices/disk[vda]/source/@file is"
        f" “{IMAGES}/web-01.qcow2” instead of “{LOCAL}/web-01.qcow2”."
    ) in said(done)


@pytest.mark.parametrize("text", ["", "<domain", "<pool/>", "<!DOCTYPE x><domain/>"])
def test_what_cannot_be_read_is_not_told(text: str, scene: Scene) -> None:
    guest = scene.add_guest(xml=xml("/a"))
    if not text:
        scene.fleet["kvm-b"].fail("guest_details", Refused("busy", code=68), times=9)
    assert DIFFERS not in said(arrives_with(scene, guest, text or xml("/b")))


def test_a_guest_without_a_saved_definition_there_is_not_compared(scene: Scene) -> None:
    guest = scene.add_guest(xml=xml("/a"))
    assert DIFFERS not in said(arrives_with(scene, guest, xml("/b"), persist=False, undefine_source=False))
    transient = scene.add_guest("tmp-01", xml=xml("/a"), persistent=False)
    assert DIFFERS not in said(arrives_with(scene, transient, xml("/b")))
