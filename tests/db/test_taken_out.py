"""What is taken out of a VM for its migration, over fake hosts: put back once, on the host where the VM is then."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from hosts.facts.guest import Disk, HostDevice
from hosts.facts.part import Part
from hosts.gateway.port import GatewayError, Refused
from kvmweb.steps import StepState, Written
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.request import BadRequest
from migrations_app.models import Migration
from migrations_app.models.taken_out import PartState
from migrations_app.usecases.give_order import cancel_migration
from migrations_app.words.close import close_words
from migrations_app.worker.held import Held
from migrations_app.worker.steps import taken_out as steps
from migrations_app.worker.watch import ending, returning
from migrations_app.worker.watch.watch import Watch
from tests.db.moving import Scene, eventually, fresh, in_state, said
from tests.db.test_placed_copies import Killed, killer
from tests.fakes.gateway import FakeHost
from tests.fakes.guests import IMAGES, Ending, FakeGuest
from tests.fakes.parts import FakeParts, medium, teamed, usb

pytestmark = pytest.mark.timeout(60)
ISO = f"{IMAGES}/tools.iso"
CD = Disk(target="sda", device="cdrom", type="file", path=ISO, format="raw", bus="sata", readonly=True)
STICK = HostDevice(type="usb", name="046d:0825")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(steps, "RELEASE_SECONDS", 0.1)
    monkeypatch.setattr(returning, "SETTLES_SECONDS", 0.1)
    monkeypatch.setattr(returning, "PATIENCE_SECONDS", 0.3)


def a(scene: Scene) -> FakeHost:
    return scene.fleet["kvm-a"]


def b(scene: Scene) -> FakeHost:
    return scene.fleet["kvm-b"]


def guest_with(
    scene: Scene, *parts: Part, disks: tuple[Disk, ...] = (), devices: tuple[HostDevice, ...] = ()
) -> FakeGuest:
    guest = scene.add_guest(parts=list(parts), known_parts=list(parts))
    first = guest.definition.disks
    guest.definition = replace(guest.definition, disks=(*first, *disks), host_devices=devices)
    return guest


def with_cd(scene: Scene) -> FakeGuest:
    """Its image is on kvm-a alone."""
    b(scene).files[ISO] = False
    b(scene).offers = set()
    return guest_with(scene, medium(ISO), disks=(CD,))


def with_stick(scene: Scene) -> FakeGuest:
    return guest_with(scene, usb(), devices=(STICK,))


def at(host: FakeHost, guest: FakeGuest) -> list[str]:
    return [part.key for part in host.guests[guest.definition.uuid].parts]


def done_to(scene: Scene, *methods: str) -> list[tuple[str, str]]:
    wanted = methods or ("parts.change", "parts.detach", "parts.attach")
    return [(call.host, call.method) for call in scene.fleet.calls if call.method in wanted]


def only(migration: Migration) -> Any:
    (one,) = migration.taken_out
    return one


# --- a CD -----------------------------------------------------------------------------------------------------------


def test_a_cd_that_the_destination_lacks_blocks_and_is_not_ejected_without_consent(scene: Scene) -> None:
    guest = with_cd(scene)
    ended = scene.run(scene.request(guest))
    assert ended.state == State.BLOCKED
    (finding,) = [one for one in ended.findings if one["check"] == "disks_reachable" and one["severity"] == "blocker"]
    assert [one["option"] for one in finding["remedies"] if one["option"]] == ["eject"]
    assert done_to(scene) == []


def test_with_consent_it_is_ejected_and_the_vm_runs_on_without_it(scene: Scene) -> None:
    guest = with_cd(scene)
    done = scene.run(scene.request(guest, eject=True))
    assert done.state == State.DONE, done.state_text
    assert at(b(scene), guest) == []
    assert (only(done).state, only(done).host) == (PartState.LEFT_OUT, "kvm-b")
    assert f"web-01 is without CD {ISO} on kvm-b: kvm-b has no such thing" in done.error["what_to_do"]
    assert f"change-media --insert --live {guest.definition.uuid} sda {ISO}" in done.error["what_to_do"]
    assert f"Ejected CD {ISO} from drive sda of web-01 on kvm-a." in said(done)
    assert "Inserted" not in said(done)
    warned = [one["summary"] for one in done.findings if one["check"] == "removable_media"]
    assert warned == [f"kvmweb ejects {ISO} from drive sda of web-01: kvm-b is not seen to have it."]


def test_it_is_inserted_again_where_the_image_is_by_then(scene: Scene) -> None:
    guest = with_cd(scene)
    b(scene).offers = None
    done = scene.run(scene.request(guest, eject=True))
    assert (done.state, done.error) == (State.DONE, {})
    assert at(b(scene), guest) == ["medium sda"]
    assert (only(done).state, only(done).host) == (PartState.BACK, "kvm-b")
    assert done_to(scene) == [("kvm-a", "parts.change"), ("kvm-b", "parts.change")]
    assert f"Inserted CD {ISO} again into drive sda of web-01 on kvm-b." in said(done)


@pytest.mark.parametrize("kind", [Kind.LIVE_STORAGE, Kind.SUSPENDED])
def test_other_methods_eject_too(scene: Scene, kind: Kind) -> None:
    guest = with_cd(scene)
    b(scene).offers = None
    done = scene.run(scene.request(guest, kind=kind, eject=True))
    assert (done.state, at(b(scene), guest)) == (State.DONE, ["medium sda"])


def test_methods_for_a_vm_that_is_off_do_not(scene: Scene) -> None:
    with pytest.raises(BadRequest):
        scene.request(with_cd(scene), kind=Kind.OFFLINE, eject=True)


def test_a_cd_that_the_destination_has_too_stays_in(scene: Scene) -> None:
    guest = guest_with(scene, medium(ISO), disks=(CD,))
    for host in (a(scene), b(scene)):
        host.volumes.append(replace(host.volumes[0], name="tools.iso", path=ISO))
    done = scene.run(scene.request(guest, eject=True))
    assert (done.state, done.taken_out, done_to(scene)) == (State.DONE, [], [])


def test_a_locked_tray_is_an_error_that_leaves_all_as_it_was(scene: Scene) -> None:
    guest = with_cd(scene)
    guest.holds = True
    ended = scene.run(scene.request(guest, eject=True))
    assert ended.state == State.FAILED
    assert ended.state_text.startswith("web-01 was not touched. kvmweb could not eject CD")
    assert "timed out waiting to open tray" in ended.state_text
    assert (at(a(scene), guest), ended.steps) == (["medium sda"], [])
    assert "migrate" not in scene.fleet.methods()


def test_after_a_failure_it_is_inserted_again_at_the_source(scene: Scene) -> None:
    guest = with_cd(scene)
    scene.script(guest, ending=Ending.ROLLED_BACK)
    ended = scene.run(scene.request(guest, eject=True))
    assert ended.state == State.FAILED
    assert at(a(scene), guest) == ["medium sda"]
    assert (only(ended).state, only(ended).host) == (PartState.BACK, "kvm-a")


def test_after_a_cancel_too(scene: Scene, operator: Any) -> None:
    guest = with_cd(scene)
    scene.script(guest).go_on.clear()
    migration = scene.request(guest, eject=True)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    assert at(a(scene), guest) == []
    cancel_migration(fresh(migration), by=operator, reason="wrong host")
    worker.join(10)
    assert fresh(migration).state == State.CANCELLED
    assert at(a(scene), guest) == ["medium sda"]


def test_another_medium_that_somebody_put_in_meanwhile_stays(scene: Scene) -> None:
    guest = with_cd(scene)
    move = scene.script(guest, ending=Ending.ROLLED_BACK)
    move.go_on.clear()
    migration = scene.request(guest, eject=True)
    worker = scene.in_background(scene.run, migration)
    eventually(in_state(migration, State.COPYING_MEMORY))
    guest.parts = [medium("/other.iso")]
    move.go_on.set()
    worker.join(10)
    ended = fresh(migration)
    assert [part.image for part in guest.parts] == ["/other.iso"]
    assert only(ended).why == "the drive has another medium now: /other.iso"


def test_a_medium_that_was_changed_since_the_check_stops_the_start(scene: Scene) -> None:
    guest = with_cd(scene)
    guest.parts = [medium("/other.iso")]
    ended = scene.run(scene.request(guest, eject=True))
    assert ended.state == State.FAILED
    assert "Somebody changed the medium in drive sda just now." in ended.state_text
    assert done_to(scene) == []


# --- devices --------------------------------------------------------------------------------------------------------


def test_devices_are_detached_and_attached_on_the_destination(scene: Scene) -> None:
    guest = guest_with(scene, usb(), teamed(), devices=(STICK,))
    done = scene.run(scene.request(guest, detach=True))
    assert (done.state, done.error) == (State.DONE, {})
    assert at(b(scene), guest) == ["usb 046d:0825", "nic 52:54:00:00:00:02"]
    assert done_to(scene) == [("kvm-a", "parts.detach")] * 2 + [("kvm-b", "parts.attach")] * 2
    methods = scene.fleet.methods()
    assert methods.index("parts.detach") < methods.index("migrate") < methods.index("parts.attach")
    assert "<back 046d:0825/>" in str(done.steps[0]), "what is needed to attach it was written down"


def test_without_the_option_nothing_is_detached(scene: Scene) -> None:
    guest = with_stick(scene)
    done = scene.run(scene.request(guest))
    assert (done.state, done_to(scene)) == (State.DONE, [])


def test_a_device_that_the_destination_does_not_have_is_left_out_and_said_so(scene: Scene) -> None:
    guest = with_stick(scene)
    b(scene).offers = set()
    done = scene.run(scene.request(guest, detach=True))
    assert (done.state, at(b(scene), guest)) == (State.DONE, [])
    assert only(done).state is PartState.LEFT_OUT
    assert "web-01 is without USB device 046d:0825 on kvm-b" in done.error["what_to_do"]
    assert "attach-device --live" in done.error["what_to_do"]
    assert "Attached USB device" not in said(done)


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (usb("bus 1 device 4", anywhere=False), "only its place on the source is known"),
        (teamed(device="pci 0000:03:10.1"), "kvm-b has another device under the same name"),
    ],
)
def test_what_may_be_another_device_there_is_not_attached(scene: Scene, part: Part, why: str) -> None:
    guest = guest_with(scene, part)
    done = scene.run(scene.request(guest, detach=True))
    assert (done.state, only(done).why) == (State.DONE, why)
    assert ("kvm-b", "parts.attach") not in done_to(scene)


@pytest.mark.parametrize(
    ("driver", "state"),
    [
        ("-", PartState.BACK),
        ("vfio-pci", PartState.BACK),
        ("iavf", PartState.LEFT_OUT),  # the destination itself uses it
        ("", PartState.LEFT_OUT),
    ],
)
def test_the_same_pci_device_is_attached_when_both_hosts_say_so(scene: Scene, driver: str, state: PartState) -> None:
    device = HostDevice(type="pci", name="0000:03:10.1", teaming_transient=True)
    guest = guest_with(scene, teamed(device="pci 0000:03:10.1"), devices=(device,))
    for host in (a(scene), b(scene)):
        host.written["host_devices"] = f"pci 0000:03:10.1 0x8086:0x10ed {driver}\n"
    done = scene.run(scene.request(guest, detach=True))
    assert only(done).state is state
    assert (("kvm-b", "parts.attach") in done_to(scene)) is (state is PartState.BACK)


@pytest.mark.parametrize("refuses", [True, False])
def test_a_guest_that_keeps_its_device_does_not_migrate(scene: Scene, refuses: bool) -> None:
    guest = with_stick(scene)
    guest.holds, guest.refuses = True, refuses
    ended = scene.run(scene.request(guest, detach=True))
    assert ended.state == State.FAILED
    assert "kvmweb could not detach USB device 046d:0825: the VM " in ended.error["cause"]
    assert at(a(scene), guest) == ["usb 046d:0825"]
    assert [one.state for one in ended.taken_out] == ([] if refuses else [PartState.KEPT])
    assert ("web-01 still has USB device 046d:0825 on kvm-a" in ended.error["what_to_do"]) is not refuses
    assert ("If it is gone later, save its XML" in ended.error["what_to_do"]) is not refuses
    assert "migrate" not in scene.fleet.methods()


def test_a_device_that_leaves_at_the_last_moment_is_attached_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After all waiting, and before the end is written down."""
    guest = with_stick(scene)
    guest.holds = True
    ends = ending.Ending._end

    def leaves(self: Any, *arguments: Any, **more: Any) -> None:
        guest.parts = []
        ends(self, *arguments, **more)

    monkeypatch.setattr(ending.Ending, "_end", leaves)
    ended = scene.run(scene.request(guest, detach=True))
    assert (ended.state, at(a(scene), guest)) == (State.FAILED, ["usb 046d:0825"])
    assert only(ended).state is PartState.BACK
    assert "still has" not in said(ended)


def test_when_the_second_is_refused_the_first_is_attached_again(scene: Scene) -> None:
    guest = guest_with(scene, usb(), teamed(), devices=(STICK,))
    a(scene).fail("parts.detach", Refused("device not found", code=8, domain=10))
    guest.parts.reverse()
    ended = scene.run(scene.request(guest, detach=True))
    assert ended.state == State.FAILED
    assert sorted(at(a(scene), guest)) == ["nic 52:54:00:00:00:02", "usb 046d:0825"]
    assert "migrate" not in scene.fleet.methods()


def test_a_host_that_falls_silent_gets_it_when_it_answers_again(scene: Scene) -> None:
    guest = with_stick(scene)
    b(scene).fail("parts.look", GatewayError("kvm-b did not answer", code=68), times=2)
    done = scene.run(scene.request(guest, detach=True))
    assert (done.state, at(b(scene), guest)) == (State.DONE, ["usb 046d:0825"])
    assert only(done).state is PartState.BACK


def test_an_answer_that_never_comes_is_not_taken_for_one(scene: Scene) -> None:
    guest = with_stick(scene)
    b(scene).fail("parts.attach", GatewayError("kvm-b did not answer", code=68), times=99)
    done = scene.run(scene.request(guest, detach=True))
    assert (done.state, only(done).state) == (State.DONE, PartState.LEFT_OUT)
    assert "kvm-b did not answer" in done.error["what_to_do"]


# --- kills ----------------------------------------------------------------------------------------------------------


def killed_when_written(patch: pytest.MonkeyPatch, step: str, state: StepState) -> None:
    write = Held.write

    def then_end(held: Held, written: list[Written]) -> None:
        write(held, written)
        if any((one.step, one.state) == (step, state) for one in written):
            raise Killed

    patch.setattr(Held, "write", then_end)


def killed_when_done(patch: pytest.MonkeyPatch, method: str, host: str) -> None:
    """The host does it, and nobody hears of that."""
    do = getattr(FakeParts, method)

    def then_end(parts: FakeParts, *arguments: Any) -> None:
        do(parts, *arguments)
        if parts.host == host:
            raise Killed

    patch.setattr(FakeParts, method, then_end)


def run_killed(scene: Scene, make: Any) -> tuple[FakeGuest, Migration]:
    guest = make(scene)
    b(scene).offers = None
    migration = scene.request(guest, **({"eject": True} if make is with_cd else {"detach": True}))
    with suppress(Killed):
        scene.run(migration)
    return guest, migration


def test_two_devices_that_are_called_the_same_stay(scene: Scene) -> None:
    """Nobody could tell which of them has left the VM."""
    guest = guest_with(scene, usb(), usb(), devices=(STICK, STICK))
    ended = scene.run(scene.request(guest, detach=True))
    assert ended.state == State.FAILED
    assert "cannot tell them apart" in ended.error["cause"]
    assert len(at(a(scene), guest)) == 2
    assert not done_to(scene)


@pytest.mark.parametrize("state", list(StepState))
@pytest.mark.parametrize("make", [with_cd, with_stick])
def test_killed_while_it_takes_out(scene: Scene, monkeypatch: pytest.MonkeyPatch, make: Any, state: StepState) -> None:
    """libvirt was not asked to migrate: it is put back at the source."""
    with monkeypatch.context() as patch:
        killed_when_written(patch, steps.TAKE_OUT, state)
        guest, migration = run_killed(scene, make)
    ended = scene.adopt(migration)
    assert (ended.state, len(at(a(scene), guest))) == (State.FAILED, 1)
    assert only(ended).state is (PartState.KEPT if state is StepState.BEGUN else PartState.BACK)
    assert "kvm-b" not in dict(done_to(scene))


@pytest.mark.parametrize("make", [with_cd, with_stick])
def test_killed_right_after_the_host_took_it_out(scene: Scene, monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    with monkeypatch.context() as patch:
        killed_when_done(patch, "change" if make is with_cd else "detach", "kvm-a")
        guest, migration = run_killed(scene, make)
    assert at(a(scene), guest) == []
    ended = scene.adopt(migration)
    assert (ended.state, len(at(a(scene), guest)), only(ended).state) == (State.FAILED, 1, PartState.BACK)


@pytest.mark.parametrize("state", list(StepState))
@pytest.mark.parametrize("make", [with_cd, with_stick])
def test_killed_while_it_puts_back(scene: Scene, monkeypatch: pytest.MonkeyPatch, make: Any, state: StepState) -> None:
    with monkeypatch.context() as patch:
        killed_when_written(patch, steps.PUT_BACK, state)
        guest, migration = run_killed(scene, make)
    ended = scene.adopt(migration)
    assert (ended.state, len(at(b(scene), guest)), only(ended).state) == (State.DONE, 1, PartState.BACK)
    assert len([host for host, _ in done_to(scene) if host == "kvm-b"]) == 1


@pytest.mark.parametrize("make", [with_cd, with_stick])
def test_killed_right_after_the_host_put_it_back(scene: Scene, monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    with monkeypatch.context() as patch:
        killed_when_done(patch, "change" if make is with_cd else "attach", "kvm-b")
        guest, migration = run_killed(scene, make)
    ended = scene.adopt(migration)
    assert (ended.state, len(at(b(scene), guest)), only(ended).state) == (State.DONE, 1, PartState.BACK)
    assert len([host for host, _ in done_to(scene) if host == "kvm-b"]) == 1


def test_killed_during_the_copy_with_the_destination_silent(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is put back anywhere before both hosts have answered."""
    guest = with_stick(scene)
    scene.script(guest, ending=Ending.ROLLED_BACK)
    migration = scene.request(guest, detach=True)
    with monkeypatch.context() as patch:
        patch.setattr(Watch, "run", killer)
        with suppress(Killed):
            scene.run(migration)
    assert scene.fleet.moves[guest.definition.uuid].over.wait(10)
    b(scene).silent = True
    assert scene.adopt(migration).state == State.NEEDS_ATTENTION
    assert done_to(scene, "parts.attach") == []
    b(scene).silent = False
    ended = scene.adopt(migration)
    assert (ended.state, at(a(scene), guest)) == (State.FAILED, ["usb 046d:0825"])


def test_who_closes_it_is_told_what_stays_out(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        killed_when_written(patch, steps.TAKE_OUT, StepState.VERIFIED)
        _, migration = run_killed(scene, with_stick)
    assert "What was taken out of it is not put back: USB device 046d:0825." in close_words(fresh(migration))
