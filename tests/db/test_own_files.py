"""UEFI variables and the state of a TPM of a VM that is shut down for its migration, over fake hosts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from hosts.facts.guest import BootFiles, RunState
from hosts.gateway.port import GatewayError, HostUnreachable, Refused
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import patience
from migrations_app.models import Migration
from migrations_app.worker.watch.sending import SendingWatch
from tests.db.moving import Scene, fresh, said
from tests.db.test_placed_copies import Killed, killer
from tests.fakes.gateway import FakeHost
from tests.fakes.guests import Ending, FakeGuest
from tests.fakes.paused import FakeOwnFiles

pytestmark = pytest.mark.timeout(60)
NVRAM = "/var/lib/libvirt/qemu/nvram/web-01.fd"
EMULATED = ("devices/tpm/backend/@type", "emulator")


def a(scene: Scene) -> FakeHost:
    return scene.fleet["kvm-a"]


def b(scene: Scene) -> FakeHost:
    return scene.fleet["kvm-b"]


def uefi_guest(scene: Scene, **changes: Any) -> tuple[FakeGuest, str]:
    """It runs, and has both; the path of the TPM's state."""
    guest = scene.add_guest(**changes)
    definition = guest.definition
    guest.definition = replace(definition, boot=BootFiles(nvram=NVRAM), leaves=(*definition.leaves, EMULATED))
    tpm = f"/var/lib/libvirt/swtpm/{definition.uuid}/tpm2/tpm2-00.permall"
    a(scene).own_files.update({NVRAM: b"boot order", tpm: b"keys"})
    return guest, tpm


def stop(scene: Scene, guest: FakeGuest) -> Migration:
    return scene.request(guest, kind=Kind.STOP_MOVE_START)


def killed(scene: Scene, migration: Migration) -> Migration:
    with suppress(Killed):
        scene.run(migration)
        pytest.fail("the worker was not killed")
    return fresh(migration)


def assert_runs_again(scene: Scene, guest: FakeGuest, before: dict[str, bytes]) -> None:
    assert guest.state is RunState.RUNNING
    assert b(scene).own_files == before
    assert "keys" in repr(a(scene).own_files)
    assert [call.host for call in scene.fleet.calls if call.method == "start"] == ["kvm-a"]


def test_both_are_there_before_it_is_sent(scene: Scene) -> None:
    guest, tpm = uefi_guest(scene)
    b(scene).own_files[tpm] = b"of another time"
    done = scene.run(stop(scene, guest))
    assert (done.state, done.state_text) == (State.DONE, "web-01 runs on kvm-b.")
    kept = f"{tpm}.before-migration-{done.pk}"
    assert b(scene).own_files == {NVRAM: b"boot order", tpm: b"keys", kept: b"of another time"}
    assert f"Copied the TPM state to kvm-b: {tpm}. The file before it is {kept}." in said(done)
    methods = scene.fleet.methods()
    assert methods.index("shut_down") < methods.index("files.read")
    assert methods.index("files.write") < methods.index("migrate")


def test_what_the_destination_had_is_put_back(scene: Scene) -> None:
    guest, tpm = uefi_guest(scene)
    b(scene).own_files[tpm] = b"somebody's"
    scene.script(guest, ending=Ending.ROLLED_BACK)
    assert scene.run(stop(scene, guest)).state == State.FAILED
    assert_runs_again(scene, guest, {tpm: b"somebody's"})


def test_a_refused_file_starts_it_again(scene: Scene) -> None:
    guest, _ = uefi_guest(scene)
    b(scene).fail("files.write", Refused("no space left", code=55))
    failed = scene.run(stop(scene, guest))
    assert failed.state == State.FAILED
    assert failed.error["cause"] == "kvmweb could not copy the UEFI variables to kvm-b: no space left."
    assert "migrate" not in scene.fleet.methods()
    assert_runs_again(scene, guest, {})


def test_a_destination_that_falls_silent_gets_them_later(scene: Scene, monkeypatch: Any) -> None:
    monkeypatch.setattr(patience, "SILENCE_S", 1.0)
    guest, _ = uefi_guest(scene)
    real = FakeOwnFiles.write

    def write(self: FakeOwnFiles, path: str, content: bytes) -> None:
        b(scene).silent = True
        real(self, path, content)

    with monkeypatch.context() as patch:
        patch.setattr(FakeOwnFiles, "write", write)
        ended = scene.run(stop(scene, guest))
    assert ended.state == State.NEEDS_ATTENTION
    assert guest.state is RunState.SHUTOFF
    assert not {"start", "migrate"} & set(scene.fleet.methods())
    b(scene).silent = False
    again = scene.adopt(ended)  # nothing is sent or started after a user was needed
    assert again.state == State.NEEDS_ATTENTION
    assert not {"start", "migrate"} & set(scene.fleet.methods())


def test_an_answer_that_comes_late_is_asked_for_again(scene: Scene) -> None:
    guest, tpm = uefi_guest(scene)
    b(scene).fail("files.write", GatewayError("no answer", code=68))
    done = scene.run(stop(scene, guest))
    assert done.state == State.DONE
    assert b(scene).own_files == {NVRAM: b"boot order", tpm: b"keys"}


@pytest.mark.parametrize("nth", range(4))
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_each_write(scene: Scene, monkeypatch: Any, nth: int, *, after: bool) -> None:
    """The file that the destination had is kept whole, whenever it was."""
    guest, tpm = uefi_guest(scene)
    b(scene).own_files.update({NVRAM: b"earlier 1", tpm: b"earlier 2"})
    real, writes = FakeOwnFiles.write, iter(range(9))

    def write(self: FakeOwnFiles, path: str, content: bytes) -> None:
        now = next(writes)
        if after or now != nth:
            real(self, path, content)
        else:
            real(self, path, content[:3])  # the middle of it
        if now == nth:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(FakeOwnFiles, "write", write)
        left = killed(scene, stop(scene, guest))
    assert not left.call_made
    done = scene.adopt(left)
    if nth % 2 and not after:  # in the middle of the file itself: both are known, and it is written again
        assert b(scene).own_files[NVRAM] == b"boot order"
    assert (done.state, done.state_text) == (State.DONE, "web-01 runs on kvm-b.")
    mark = f".before-migration-{done.pk}"
    expected = {NVRAM: b"boot order", tpm: b"keys", NVRAM + mark: b"earlier 1", tpm + mark: b"earlier 2"}
    assert b(scene).own_files == expected


def test_a_source_that_changed_them_is_not_left(scene: Scene, monkeypatch: Any) -> None:
    guest, _ = uefi_guest(scene)
    b(scene).fail("files.write", Killed())
    left = killed(scene, stop(scene, guest))
    a(scene).own_files[NVRAM] = b"other"
    failed = scene.adopt(left)
    assert failed.state == State.FAILED
    assert f"{NVRAM} was changed on kvm-a meanwhile" in failed.error["cause"]
    assert guest.state is RunState.RUNNING


@pytest.mark.parametrize("lacks", ["UEFI variables", "TPM state"])
def test_a_vm_that_ran_does_not_go_without_them(scene: Scene, lacks: str) -> None:
    guest, tpm = uefi_guest(scene)
    path = NVRAM if lacks == "UEFI variables" else tpm
    del a(scene).own_files[path]
    failed = scene.run(stop(scene, guest))
    assert failed.state == State.FAILED
    why = f"kvmweb could not copy the {lacks} to kvm-b: kvm-a does not have {path}, although the VM ran there."
    assert failed.error["cause"] == why
    assert "migrate" not in scene.fleet.methods()
    assert (guest.state, b(scene).own_files) == (RunState.RUNNING, {})


def test_a_silent_destination_keeps_what_was_copied(scene: Scene, monkeypatch: Any) -> None:
    """It runs on the source again; nobody knows what the destination has, although it answers a moment later."""
    guest, tpm = uefi_guest(scene)
    with monkeypatch.context() as patch:
        patch.setattr(SendingWatch, "_connection", killer)
        left = killed(scene, stop(scene, guest))
    copied = {NVRAM: b"boot order", tpm: b"keys"}
    assert b(scene).own_files == copied
    guest.state, guest.reason, guest.run = RunState.RUNNING, "booted", guest.run + 1
    b(scene).fail("look", HostUnreachable("no connection"), times=99)
    failed = scene.adopt(left)
    assert failed.state == State.FAILED
    assert "kvm-b is not reachable, so what kvmweb copied there stays" in failed.error["what_to_do"]
    assert (b(scene).own_files, guest.state) == (copied, RunState.RUNNING)
