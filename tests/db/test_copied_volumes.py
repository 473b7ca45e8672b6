"""The volumes of a disk copy: only what the migration made is removed, and what it made is looked up before `done`."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, cast

import pytest

from hosts.facts.guest import Disk
from hosts.facts.storage import DiskPlace, Qcow2, Volume, VolumeIdentity
from hosts.gateway.port import Refused
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration, RollbackCopy
from migrations_app.usecases.give_order import cancel_migration
from tests.db.moving import LOCAL, Scene, eventually, fresh, in_state, said, states
from tests.fakes.gateway import FakeHost
from tests.fakes.guests import FakeGuest, Move, job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]

PATH = f"{LOCAL}/db-01.qcow2"
SAVED = f"{LOCAL}/db-01.saved.qcow2"


class Copying:
    """db-01's disk is being copied; what happens next is up to the test."""

    def __init__(self, scene: Scene, *, file: str = "1:7:10:00", **script: Any) -> None:
        self.scene = scene
        self.target: FakeHost = scene.fleet["kvm-b"]
        self.target.file_numbers[PATH] = file
        self.guest: FakeGuest = scene.add_local_guest()
        self.move: Move = scene.script(self.guest, **script)
        self.move.go_on.clear()
        self.migration: Migration = scene.request(self.guest, copy=True)
        self.worker: threading.Thread = scene.in_background(scene.run, self.migration)
        eventually(in_state(self.migration, State.COPYING_MEMORY, State.COPYING_DISKS))

    def delete(self) -> None:
        self.target.volumes = [volume for volume in self.target.volumes if volume.path != PATH]

    def replace(self, **changes: Any) -> None:
        self.target.volumes = [replace(v, **changes) if v.path == PATH else v for v in self.target.volumes]

    def end(self) -> Migration:
        self.move.go_on.set()
        self.worker.join(20)
        return fresh(self.migration)

    def cancel(self) -> Migration:
        cancel_migration(self.migration, by=self.scene.operator)
        self.worker.join(20)
        return fresh(self.migration)


def test_what_was_made_is_known_by_more_than_its_name(scene: Scene) -> None:
    done = Copying(scene).end()
    assert done.state == State.DONE
    (entry,) = done.created_volumes
    assert (entry["target"], entry["made"]) == ("vda", True)
    known = {"capacity": 1024**3, "format": "qcow2", "modified": 0.0, "file": "1:7:10:00", "file_system": None}
    assert entry["identity"] == known
    assert "disks.file_system" not in scene.fleet.methods()


@pytest.mark.parametrize("kind", [Kind.LIVE_STORAGE, Kind.SUSPENDED])
def test_a_block_device_becomes_a_volume_of_its_size(kind: Kind, scene: Scene) -> None:
    guest = scene.add_local_guest(disk_sizes={"vda": 3 * 1024**2})
    disk = Disk(target="vda", device="disk", type="block", path="/dev/vg/db", format="raw", cache="none")
    guest.definition = replace(guest.definition, disks=(disk,))
    places = {"vda": {"pool": "default", "name": "db.qcow2", "format": "qcow2"}}
    done = scene.run(scene.request(guest, copy=["vda"], kind=kind, disks=places))
    assert done.state == State.DONE, done.state_text
    judged = {finding["check"]: finding["severity"] for finding in done.findings}
    assert {judged[check] for check in ("copy_choice", "copy_place", "copy_room")} == {"passed"}
    (call,) = [call.arguments[0] for call in scene.fleet.calls if call.method == "migrate"]
    new = DiskPlace(path=f"{LOCAL}/db.qcow2", pool="default", volume="db.qcow2", format="qcow2")
    assert call.places == {"vda": new}
    (made,) = [call.arguments[0] for call in scene.fleet.calls if call.method == "create_volume"]
    assert (made.name, made.format, made.capacity) == ("db.qcow2", "qcow2", 3 * 1024**2)
    copy = RollbackCopy.objects.get(migration=done)
    assert (copy.path, copy.pool, copy.size) == ("/dev/vg/db", "", 3 * 1024**2)


SPECIAL = Qcow2(cluster_size=128 * 1024, lazy_refcounts=True, extended_l2=True)


def test_a_copy_is_made_like_its_image_by_the_pool(scene: Scene) -> None:
    guest = scene.add_local_guest()
    host = scene.fleet["kvm-a"]
    host.volumes = [replace(volume, qcow2=SPECIAL) if volume.path == PATH else volume for volume in host.volumes]
    assert made_for(scene, guest) == SPECIAL


def test_the_header_of_the_image_counts_more_than_the_pool(scene: Scene) -> None:
    """The pool was read before somebody changed the image."""
    guest = scene.add_local_guest()
    scene.fleet["kvm-a"].written["qcow2_headers"] = f"514649fb00000002{'00' * 12}0000000c{'00' * 60}\n"
    assert made_for(scene, guest) == Qcow2(compat="0.10", cluster_size=4096)


def made_for(scene: Scene, guest: FakeGuest) -> Qcow2 | None:
    """How the volume was made, by the call and by what was written down before it."""
    done = scene.run(scene.request(guest, copy=True))
    assert done.state == State.DONE, done.state_text
    (spec,) = (call.arguments[0] for call in scene.fleet.calls if call.method == "create_volume")
    (entry,) = done.created_volumes
    assert Qcow2(**entry["qcow2"]) == spec.qcow2
    return cast("Qcow2 | None", spec.qcow2)


def test_a_thin_disk_that_may_outgrow_its_pool_is_copied_on_request_only(scene: Scene) -> None:
    guest = scene.add_local_guest()
    source, target = scene.fleet["kvm-a"], scene.fleet["kvm-b"]
    source.volumes = [replace(v, capacity=3 * 1024**4) if v.path == PATH else v for v in source.volumes]
    blocked = scene.run(scene.request(guest, copy=True))
    assert blocked.state == State.BLOCKED
    assert "has 100 GiB free; the disks to copy need 3 TiB and use 1 MiB now." in blocked.state_text
    assert not any(v.path == PATH for v in target.volumes)
    done = scene.run(scene.request(guest, copy=True, allow_overcommit=True))
    assert done.state == State.DONE
    (finding,) = (each for each in done.findings if each["check"] == "copy_room")
    assert (finding["severity"], finding["summary"].endswith("When the pool fills up, the VM is paused.")) == (
        "warning",
        True,
    )


def test_what_an_older_kvmweb_wrote_down_is_still_undone(scene: Scene) -> None:
    copying = Copying(scene)
    row = fresh(copying.migration)
    for step in row.steps:
        step["about"].pop("qcow2", None)
    row.save(update_fields=["steps"])
    copying.cancel()
    assert not any(volume.path == PATH for volume in copying.target.volumes)


def test_a_copied_disk_that_vanished_needs_a_person(scene: Scene) -> None:
    copying = Copying(scene)
    copying.delete()
    end = copying.end()
    assert end.state == State.NEEDS_ATTENTION
    assert "done" not in states(end)
    assert "Do not stop the VM: its disk on kvm-b has been deleted." in end.state_text
    assert PATH in end.error["what_to_do"]
    again = scene.adopt(end)
    assert (again.state, states(again)) == (State.NEEDS_ATTENTION, states(end))


def test_a_disk_that_was_saved_to_a_new_volume_ends_it(scene: Scene) -> None:
    copying = Copying(scene)
    copying.delete()
    assert copying.end().state == State.NEEDS_ATTENTION
    there = copying.target.guests[str(copying.migration.guest_id)]
    disk = Disk(target="vda", device="disk", type="file", path=SAVED, format="qcow2")
    there.definition = replace(there.definition, disks=(disk,))
    assert "does not say whether its disk is still there" in scene.adopt(copying.migration).state_text
    copying.target.files[SAVED] = True
    assert scene.adopt(copying.migration).state == State.DONE


def test_a_copied_disk_that_was_replaced_needs_a_person(scene: Scene) -> None:
    copying = Copying(scene)
    copying.target.file_numbers[PATH] = "1:8:11:00"
    end = copying.end()
    assert end.state == State.NEEDS_ATTENTION
    assert "Another file is in its place" in end.state_text


def test_a_pool_that_says_nothing_is_no_proof(scene: Scene) -> None:
    copying = Copying(scene)
    copying.target.fail("volume_identity", Refused("pool 'default' is not active", code=55), times=1000)
    end = copying.end()
    assert end.state == State.NEEDS_ATTENTION
    assert "does not say whether its disk is still there" in end.state_text
    copying.target._faults.clear()
    assert scene.adopt(end).state == State.DONE


@pytest.mark.parametrize(
    "strange", [{"capacity": 10 * 1024**2}, {"format": "raw"}, {"path": PATH}], ids=["size", "format", "file"]
)
def test_another_volume_of_that_name_is_left_alone(scene: Scene, strange: dict[str, Any]) -> None:
    copying = Copying(scene)
    copying.replace(**strange)
    copying.target.file_numbers[PATH] = "1:8:11:00"
    end = copying.cancel()
    assert end.state == State.CANCELLED
    assert [volume.path for volume in copying.target.volumes if volume.path == PATH] == [PATH]
    assert "is no longer the volume that this migration created" in said(end)
    assert "Removed" not in said(end)
    assert [entry["path"] for entry in end.created_volumes] == [PATH]


def test_without_the_file_itself_a_difference_is_enough(scene: Scene) -> None:
    copying = Copying(scene)
    copying.target.file_numbers.clear()
    copying.replace(capacity=10 * 1024**2)
    end = copying.cancel()
    assert "delete_volume" not in scene.fleet.methods()
    assert [entry["path"] for entry in end.created_volumes] == [PATH]


@pytest.mark.parametrize("below", [7 * 1024**4, 100 * 1024**3 + 4096, None], ids=["other", "grown", "not told"])
def test_what_may_be_on_another_file_system_now_is_left_and_named(scene: Scene, below: int | None) -> None:
    """Its folder was the mount point of the NFS from which the VM runs, and the NFS has been mounted meanwhile."""
    copying = Copying(scene, file="")
    copying.target.file_systems["default"] = below
    end = copying.cancel()
    assert end.state == State.CANCELLED
    assert "delete_volume" not in scene.fleet.methods()
    assert [entry["path"] for entry in end.created_volumes] == [PATH]
    left = said(end)
    assert "Another one may be mounted there, with the VM's own disk." in left
    assert "run on kvm-b: virsh vol-delete --pool default db-01.qcow2" in left


@pytest.mark.parametrize("below", [100 * 1024**3, 0], ids=["folder", "no folder"])
def test_without_the_file_itself_what_was_made_is_removed(scene: Scene, below: int) -> None:
    scene.fleet["kvm-b"].file_systems["default"] = below
    end = Copying(scene, file="").cancel()
    assert (end.state, end.created_volumes) == (State.CANCELLED, [])
    assert f"Removed {PATH}" in said(end)


def test_a_copy_under_another_file_system_is_not_called_there(scene: Scene) -> None:
    copying = Copying(scene, file="")
    copying.target.file_systems["default"] = 7 * 1024**4
    end = copying.end()
    assert end.state == State.NEEDS_ATTENTION
    assert "does not say whether its disk is still there" in end.state_text
    copying.target.file_systems["default"] = 101 * 1024**3  # one of ZFS grows and shrinks
    assert scene.adopt(end).state == State.DONE


def test_a_volume_that_somebody_has_removed_is_not_claimed_to_be_removed_by_us(scene: Scene) -> None:
    copying = Copying(scene)
    copying.delete()
    end = copying.cancel()
    assert (end.state, end.created_volumes) == (State.CANCELLED, [])
    assert "is gone already" in said(end)


def test_a_volume_that_was_made_is_not_forgotten_when_nobody_says_what_it_is(scene: Scene) -> None:
    guest = scene.add_local_guest()
    scene.fleet["kvm-b"].fail("volume_identity", Refused("pool 'default' is not active", code=55))
    end = scene.run(scene.request(guest, copy=True))
    assert end.state == State.FAILED
    assert [(entry["path"], entry["made"]) for entry in end.created_volumes] == [(PATH, True)]
    assert "kvmweb cannot tell whether" in said(end)
    assert "delete_volume" not in scene.fleet.methods()


def test_two_disks_of_one_file_name_are_two_volumes(scene: Scene) -> None:
    """Their names alone were the key once."""
    guest = scene.add_local_guest()
    other = "/srv/other"
    for fake in scene.fleet.hosts.values():
        fake.pools = [*fake.pools, replace(fake.pools[1], name="other", target_path=other)]
    second = Disk(target="vdb", device="disk", type="file", path=f"{other}/db-01.qcow2", format="qcow2")
    guest.definition = replace(guest.definition, disks=(*guest.definition.disks, second))
    scene.fleet["kvm-a"].volumes.append(
        Volume(
            pool="other",
            name="db-01.qcow2",
            path=second.path,
            type="file",
            format="qcow2",
            capacity=1024**3,
            allocation=0,
        )
    )
    end = scene.run(scene.request(guest, copy=True))
    assert end.state == State.DONE, end.state_text
    assert [entry["path"] for entry in end.created_volumes] == [PATH, second.path]


def test_one_file_only_grows_older() -> None:
    made = VolumeIdentity(capacity=10, format="raw", modified=100.0)
    assert replace(made, modified=101.0).may_be(made)
    assert not replace(made, modified=99.0).may_be(made)
    assert replace(made, modified=99.0, file="1:2:3").may_be(replace(made, file="1:2:3"))
    assert not replace(made, file="1:3:3").may_be(replace(made, file="1:2:3"))


# --- suspended, started afresh ---


def test_what_a_person_suspended_stays_suspended(scene: Scene) -> None:
    disks = job(0, total=0, memory_total=None, memory_remaining=None, disk_total=1000, disk_remaining=500)
    copying = Copying(scene, jobs=[disks])
    copying.guest.state, copying.guest.reason = copying.guest.state.PAUSED, "migration"
    eventually(lambda: fresh(copying.migration).suspended)
    eventually(lambda: "Somebody suspended" in fresh(copying.migration).state_text)
    assert fresh(copying.migration).state == State.COPYING_DISKS
    end = copying.end()
    assert end.state == State.DONE
    assert end.state_text == "db-01 is paused on kvm-b. It was paused during the migration."
    assert "kvmweb suspended it again" in said(end)
    assert copying.target.guests[str(end.guest_id)].reason == "user"


def test_a_guest_that_was_resumed_again_is_left_running(scene: Scene) -> None:
    disks = job(0, total=0, memory_total=None, memory_remaining=None, disk_total=1000, disk_remaining=500)
    copying = Copying(scene, jobs=[disks])
    was = copying.guest.state
    copying.guest.state, copying.guest.reason = was.PAUSED, "migration"
    eventually(lambda: fresh(copying.migration).suspended)
    copying.guest.state, copying.guest.reason = was, "unpaused"
    eventually(lambda: not fresh(copying.migration).suspended)
    copying.guest.job = job(0)  # memory follows
    end = copying.end()
    assert (end.state, end.state_text) == (State.DONE, "db-01 runs on kvm-b.")
    assert "suspend" not in scene.fleet.methods()


def test_what_a_person_suspended_stays_suspended_at_the_source_too(scene: Scene) -> None:
    disks = job(0, total=0, memory_total=None, memory_remaining=None, disk_total=1000, disk_remaining=500)
    copying = Copying(scene, jobs=[disks])
    copying.guest.state, copying.guest.reason = copying.guest.state.PAUSED, "migration"
    eventually(lambda: fresh(copying.migration).suspended)
    end = copying.cancel()
    assert (end.state, end.state_text) == (State.CANCELLED, "db-01 is paused on kvm-a. The migration was cancelled.")
    assert copying.guest.reason == "user"


def test_a_guest_that_was_started_afresh_meanwhile_is_said_to_be(scene: Scene) -> None:
    copying = Copying(scene)
    copying.guest.run = 2
    copying.move.ending = copying.move.ending.ROLLED_BACK
    end = copying.end()
    assert end.state == State.FAILED
    assert "where it has been started again since" in end.state_text
