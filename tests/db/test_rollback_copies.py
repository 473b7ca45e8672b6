"""Rollback copies: kept with the end of a migration that copied disks, deleted only when nothing uses them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from django.db import transaction
from django.utils import timezone

from hosts.facts.guest import Disk, RunState
from hosts.facts.storage import Mount
from hosts.gateway.port import Refused
from kvmweb.queue import Detached
from migrations_app import ledger
from migrations_app.domain.lifecycle import State
from migrations_app.models import CopyState, RollbackCopy
from migrations_app.worker import delete_copy as delete_copy_module
from migrations_app.worker.delete_copy import delete_copy
from tests.db.moving import LOCAL, Scene, said, volume
from tests.fakes.gateway import FakeConnection
from tests.fakes.guests import Ending, FakeGuest, new_guest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]

PATH = f"{LOCAL}/db-01.qcow2"


def copied(scene: Scene, **script: Any) -> RollbackCopy:
    """The rollback copy of a migration that is done."""
    scene.fleet["kvm-a"].file_numbers[PATH] = "1:5:10:00"
    guest = scene.add_local_guest()
    if script:
        scene.script(guest, **script)
    done = scene.run(scene.request(guest, copy=True))
    assert done.state == State.DONE, done.state_text
    return RollbackCopy.objects.select_related("host", "migration").get(migration=done)


def test_a_copied_disk_stays_as_a_rollback_copy(scene: Scene) -> None:
    copy = copied(scene)
    assert (copy.host.name, copy.guest_name, copy.disk) == ("kvm-a", "db-01", "vda")
    assert (copy.pool, copy.volume, copy.path) == ("default", "db-01.qcow2", PATH)
    assert (copy.format, copy.size, copy.allocated) == ("qcow2", 1024**3, 1024**2)
    assert (copy.state, copy.verification, copy.identity["file"]) == ("present", "mirror", "1:5:10:00")
    assert f"{PATH} on kvm-a stays as the rollback copy of disk vda." in said(copy.migration)


def test_keeping_it_again_changes_nothing(scene: Scene) -> None:
    copy = copied(scene)
    ledger.keep_copies([RollbackCopy(migration=copy.migration, host=copy.host, disk="vda", path="/other")])
    assert RollbackCopy.objects.get().path == PATH


def test_nothing_stays_of_a_migration_that_copied_no_disk_or_failed(scene: Scene) -> None:
    assert scene.run(scene.request(scene.add_guest())).state == State.DONE
    failing = scene.add_local_guest()
    scene.script(failing, ending=Ending.ROLLED_BACK)
    assert scene.run(scene.request(failing, copy=True)).state == State.FAILED
    assert not RollbackCopy.objects.exists()


def test_a_source_that_does_not_tell_what_the_disk_is_leaves_that_open(scene: Scene) -> None:
    scene.fleet["kvm-a"].fail("volume_identity", Refused("no", code=1), times=5)
    assert copied(scene).identity == {}


def ask(scene: Scene, copy: RollbackCopy) -> None:
    with transaction.atomic():
        assert ledger.ask_deletion(copy.pk, by=scene.operator)


def deleted(scene: Scene, copy: RollbackCopy) -> RollbackCopy:
    ask(scene, copy)
    delete_copy(copy.pk, connect=scene.fleet.connect)
    return RollbackCopy.objects.select_related("host", "migration").get(pk=copy.pk)


def there(scene: Scene, host: str = "kvm-a") -> bool:
    return any(volume.path == PATH for volume in scene.fleet[host].volumes)


def test_a_copy_that_nothing_uses_is_deleted(scene: Scene) -> None:
    """Also while the VM runs on the destination, with a file of the same path there."""
    now = deleted(scene, copied(scene))
    assert now.state == CopyState.DELETED, now.state_text
    assert not there(scene)
    assert there(scene, "kvm-b")
    assert now.state_text == f"The rollback copy {PATH} on kvm-a was deleted."
    assert now.state_text in said(now.migration)
    assert f"asked to delete the rollback copy of disk vda, {PATH} on kvm-a." in said(now.migration)


def user(path: str = PATH, **changes: Any) -> FakeGuest:
    disk = Disk(target="vdb", device="disk", type="file", path=path, format="qcow2")
    guest = new_guest("other", **changes)
    guest.definition = replace(guest.definition, disks=(disk,))
    return guest


def in_its_saved_definition() -> FakeGuest:
    return replace(new_guest("other"), saved=user().definition)


def in_its_saved_state() -> FakeGuest:
    guest = new_guest("other", state=RunState.SHUTOFF, managed_save=True)
    return replace(guest, saved_state=user().definition)


def below_its_disk() -> FakeGuest:
    guest = user("/var/lib/libvirt/images/top.qcow2")
    (disk,) = guest.definition.disks
    guest.definition = replace(guest.definition, disks=(replace(disk, backing=(PATH,)),))
    return guest


def by_pool_and_volume() -> FakeGuest:
    guest = user("")
    disk = Disk(target="vdb", device="disk", type="volume", pool="default", volume="db-01.qcow2")
    guest.definition = replace(guest.definition, disks=(disk,))
    return guest


@pytest.mark.parametrize(
    "make",
    [
        user,
        lambda: user(state=RunState.SHUTOFF),
        in_its_saved_definition,
        in_its_saved_state,
        below_its_disk,
        by_pool_and_volume,
    ],
)
def test_a_copy_that_a_vm_uses_stays(scene: Scene, make: Callable[[], FakeGuest]) -> None:
    copy = copied(scene)
    scene.fleet["kvm-a"].add(make())
    now = deleted(scene, copy)
    assert (now.state, there(scene)) == (CopyState.PRESENT, True)
    assert now.state_text.endswith("was not deleted. other on kvm-a uses it.")
    assert "delete_volume" not in scene.fleet.methods()


def test_a_link_to_the_same_file_is_the_same_file(scene: Scene) -> None:
    copy = copied(scene)
    scene.fleet["kvm-a"].add(user("/srv/link.qcow2"))
    scene.fleet["kvm-a"].written["file_identity"] = "1:5:10:00\n"
    now = deleted(scene, copy)
    assert (now.state, there(scene)) == (CopyState.PRESENT, True)
    assert "other on kvm-a uses it." in now.state_text


def test_an_image_that_builds_on_the_copy_keeps_it(scene: Scene) -> None:
    copy = copied(scene)
    scene.fleet["kvm-a"].volumes.append(replace(volume(f"{LOCAL}/top.qcow2", "default"), backing=PATH))
    assert f"The image {LOCAL}/top.qcow2 on kvm-a uses it." in deleted(scene, copy).state_text
    assert there(scene)


def test_a_path_on_another_host_may_be_the_same_file(scene: Scene) -> None:
    copy = copied(scene)
    scene.add_host("kvm-c")
    scene.fleet["kvm-c"].add(user())
    now = deleted(scene, copy)
    assert (now.state, there(scene)) == (CopyState.PRESENT, True)
    assert "other on kvm-c uses a file with this path, and kvmweb cannot tell whether kvm-c and" in now.state_text


def test_two_hosts_with_their_own_file_systems_share_nothing(scene: Scene) -> None:
    copy = copied(scene)
    scene.add_host("kvm-c")
    scene.fleet["kvm-c"].add(user())
    for name in ("kvm-a", "kvm-c"):
        scene.fleet[name].mounts[LOCAL] = Mount(kind="ext4")
    assert deleted(scene, copy).state == CopyState.DELETED


@pytest.mark.parametrize("name", ["kvm-a", "kvm-b", "kvm-c"])
def test_a_host_that_does_not_answer_keeps_the_copy(scene: Scene, name: str) -> None:
    copy = copied(scene)
    scene.add_host("kvm-c")
    scene.fleet[name].silent = True
    now = deleted(scene, copy)
    assert (now.state, there(scene)) == (CopyState.PRESENT, True)
    assert f"kvmweb cannot tell whether a VM on {name} uses it" in now.state_text


def test_a_strangers_file_at_its_place_stays(scene: Scene) -> None:
    copy = copied(scene)
    scene.fleet["kvm-a"].file_numbers[PATH] = "1:6:20:00"
    now = deleted(scene, copy)
    assert (now.state, there(scene)) == (CopyState.PRESENT, True)
    assert now.state_text.endswith("It was changed or replaced after the migration.")


def test_a_copy_whose_identity_is_not_known_is_never_deleted(scene: Scene) -> None:
    scene.fleet["kvm-a"].fail("volume_identity", Refused("no", code=1), times=5)
    copy = copied(scene)
    assert "could not write down which volume it is" in deleted(scene, copy).state_text
    assert there(scene)


def test_a_copy_that_somebody_removed_is_gone(scene: Scene) -> None:
    copy = copied(scene)
    scene.fleet["kvm-a"].volumes = [one for one in scene.fleet["kvm-a"].volumes if one.path != PATH]
    now = deleted(scene, copy)
    assert (now.state, now.state_text.endswith("kvmweb did not see who deleted it.")) == (CopyState.GONE, True)


def test_libvirt_may_refuse(scene: Scene) -> None:
    copy = copied(scene)
    scene.fleet["kvm-a"].fail("delete_volume", Refused("it is locked", code=1))
    now = deleted(scene, copy)
    assert (now.state, there(scene)) == (CopyState.PRESENT, True)
    assert now.state_text.endswith("libvirt did not delete it: it is locked")


def test_when_nobody_knows_whether_it_was_deleted_that_is_said_and_remembered(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copied(scene)
    delete_volume = FakeConnection.delete_volume

    def and_silence(connection: FakeConnection, pool: str, name: str) -> None:
        delete_volume(connection, pool, name)
        scene.fleet["kvm-a"].silent = True

    monkeypatch.setattr(FakeConnection, "delete_volume", and_silence)
    now = deleted(scene, copy)
    assert now.state == CopyState.PRESENT
    assert "cannot tell whether it did" in now.state_text
    assert "was not deleted" not in said(now.migration)
    again = deleted(scene, copy)  # refused before it is looked at
    assert "cannot tell whether it did" in again.state_text
    scene.fleet["kvm-a"].silent = False
    end = deleted(scene, copy)
    assert (end.state, end.state_text) == (CopyState.DELETED, f"The rollback copy {PATH} on kvm-a was deleted.")


@pytest.mark.parametrize("at", ["guests", "volume_identity", "delete_volume"])
def test_a_worker_that_is_killed_is_followed_by_another(scene: Scene, at: str) -> None:
    """Whatever it had begun: the next one asks again, and says what is true."""
    copy = copied(scene)
    ask(scene, copy)
    scene.fleet["kvm-a"].fail(at, cast("Exception", Detached(0)))
    with pytest.raises(Detached):
        delete_copy(copy.pk, connect=scene.fleet.connect)
    delete_copy(copy.pk, connect=scene.fleet.connect)  # the lease is not over
    assert there(scene)
    RollbackCopy.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    delete_copy(copy.pk, connect=scene.fleet.connect)
    copy.refresh_from_db()
    assert (copy.state, there(scene)) == (CopyState.DELETED, False)


def test_a_worker_that_is_killed_after_the_deletion_leaves_the_truth(scene: Scene) -> None:
    copy = copied(scene)
    ask(scene, copy)
    taken = ledger.take_deletion(copy.pk)
    assert taken is not None
    ledger.note_deletion(taken)
    scene.fleet["kvm-a"].volumes = [one for one in scene.fleet["kvm-a"].volumes if one.path != PATH]
    RollbackCopy.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    delete_copy(copy.pk, connect=scene.fleet.connect)
    with pytest.raises(ledger.LostClaim):
        ledger.end_deletion(taken, CopyState.PRESENT, "too late")
    copy.refresh_from_db()
    assert copy.state == CopyState.DELETED


def test_a_deletion_that_the_queue_lost_is_queued_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = copied(scene)
    ask(scene, copy)
    monkeypatch.setattr(delete_copy_module, "AGAIN_SECONDS", 0.0)
    queued: list[tuple[Any, ...]] = []
    monkeypatch.setattr(delete_copy_module, "enqueue", lambda *args: queued.append(args))
    delete_copy_module.tick()
    assert queued == [("migrations_app.tasks.delete_copy", copy.pk)]


def test_a_second_request_changes_nothing(scene: Scene) -> None:
    copy = copied(scene)
    ask(scene, copy)
    with transaction.atomic():
        assert not ledger.ask_deletion(copy.pk, by=scene.operator)


def test_size_and_format_alone_do_not_tell_which_file_it_is(scene: Scene) -> None:
    copy = copied(scene)
    RollbackCopy.objects.update(identity=copy.identity | {"file": "", "modified": 0.0})
    scene.fleet["kvm-a"].file_numbers.clear()
    assert deleted(scene, copy).state == CopyState.PRESENT
    assert there(scene)
