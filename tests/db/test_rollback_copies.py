"""Rollback copies: kept with the end of a migration that copied disks, deleted only when nothing uses them."""

from __future__ import annotations

from typing import Any

import pytest

from hosts.gateway.port import Refused
from migrations_app import ledger
from migrations_app.domain.lifecycle import State
from migrations_app.models import RollbackCopy
from tests.db.moving import LOCAL, Scene, said
from tests.fakes.guests import Ending

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual, pytest.mark.timeout(60)]

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
