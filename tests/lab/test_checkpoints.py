"""A VM with checkpoints migrates, and its next incremental backup is made on the destination."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest

from lab import GuestSpec, Host, Lab
from lab.guests import disk_path
from tests.lab.serving import Serving, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NAME, BACKUP = "kept-01", "/tmp/kept-01.backup"
WEEK = ["monday", "tuesday", "wednesday"]
#: enough of them to kill a worker between two
MANY = [f"day-{number:02}" for number in range(20)]


@pytest.fixture
def a(lab: Lab) -> Host:
    return lab.hosts["kvm-a"]


@pytest.fixture
def b(lab: Lab) -> Iterator[Host]:
    yield lab.hosts["kvm-b"]
    lab.hosts["kvm-b"].exec("rm", "-f", BACKUP)


def start_guest(serving: Serving, lab: Lab, names: list[str], *, storage: str = "testvms") -> None:
    """A VM on kvm-a with these checkpoints. Dirty bitmaps need an image of version 3."""
    host = lab.hosts["kvm-a"]
    wanted = GuestSpec(NAME, "kvm-a", memory_mib=96, storage=storage, disk_mib=64, disk_fill_mib=4, disk_kib=64)
    spec = lab.define_guest("kvm-a", wanted, start=False)
    host.exec("qemu-img", "amend", "-o", "compat=1.1", disk_path(spec))
    host.virsh("start", NAME)
    for name in names:
        host.virsh("checkpoint-create-as", NAME, name)
    assert checkpoints(host) == names
    wait_until(lambda: changed_since(host, names[0]) > 0, 60, "the VM has written something")
    serving.wait_for_guest(NAME, "kvm-a", seconds=30)


def checkpoints(host: Host, guest: str = NAME) -> list[str]:
    return host.virsh("checkpoint-list", guest, "--name", "--topological").split()


def changed_since(host: Host, checkpoint: str) -> int:
    """Bytes, by the dirty bitmap."""
    text = host.virsh("checkpoint-dumpxml", NAME, checkpoint, "--size", "--no-domain")
    found = re.search(r"bitmap='[^']*' size='(\d+)'", text)
    assert found, text
    return int(found[1])


def back_up(host: Host, *, since: str, guest: str = NAME) -> None:
    """An incremental backup of what the VM wrote since this checkpoint."""
    description = (
        f"<domainbackup mode='push'><incremental>{since}</incremental><disks><disk name='vda' type='file'>"
        f"<driver type='qcow2'/><target file='{BACKUP}'/></disk></disks></domainbackup>"
    )
    host.exec("virsh", "-q", "backup-begin", guest, "/dev/stdin", stdin=description)

    def ended() -> bool:
        return "Backup" in host.virsh("domjobinfo", guest, "--completed")

    wait_until(ended, 20, "the backup has ended")
    assert '"depth": 0' in host.exec("qemu-img", "map", "-U", "--output=json", BACKUP)


def said(serving: Serving, pk: int) -> str:
    return "\n".join(row["text"] for row in serving.journal(pk))


def test_the_next_incremental_backup_works_on_the_destination(fresh: Serving, lab: Lab, b: Host) -> None:
    start_guest(fresh, lab, WEEK)
    migration = fresh.wait_for_end(fresh.migrate(NAME, "kvm-b")["id"])
    assert migration["state"] == "done", migration
    assert not migration["error"], migration
    assert checkpoints(b) == WEEK
    assert "Redefined checkpoints monday, tuesday, wednesday on kvm-b." in said(fresh, migration["id"])
    back_up(b, since="monday")


def test_of_a_vm_with_a_new_name_too(fresh: Serving, lab: Lab, b: Host) -> None:
    start_guest(fresh, lab, WEEK)
    migration = fresh.wait_for_end(fresh.migrate(NAME, "kvm-b", new_name="kept-02")["id"])
    assert migration["state"] == "done", migration
    assert not migration["error"], migration
    assert checkpoints(b, "kept-02") == WEEK
    back_up(b, since="monday", guest="kept-02")


def test_of_a_paused_vm_too(fresh: Serving, lab: Lab, a: Host, b: Host) -> None:
    """QEMU 7.2 loads the bitmaps only when it resumes, so until then nobody can verify them; QEMU 10 loads them at once."""
    start_guest(fresh, lab, WEEK)
    a.virsh("suspend", NAME)
    fresh.wait_for_guest(NAME, "kvm-a", "paused")
    migration = fresh.wait_for_end(fresh.migrate(NAME, "kvm-b")["id"])
    assert migration["state"] == "done", migration
    assert checkpoints(b) == WEEK
    assert not migration["error"], migration
    b.virsh("resume", NAME)
    back_up(b, since="monday")


def test_of_copied_disks_too(fresh: Serving, lab: Lab, a: Host, b: Host) -> None:
    start_guest(fresh, lab, WEEK, storage="local")
    a.virsh("pool-refresh", "local")
    migration = fresh.wait_for_end(fresh.migrate(NAME, "kvm-b", kind="live_storage")["id"])
    assert migration["state"] == "done", migration
    assert not migration["error"], migration
    assert checkpoints(b) == WEEK
    back_up(b, since="monday")


def test_after_a_failure_they_are_on_the_source(fresh: Serving, lab: Lab, a: Host) -> None:
    start_guest(fresh, lab, WEEK)
    pk = fresh.migrate(NAME, "kvm-b", bandwidth_mib=1)["id"]
    fresh.wait_for_copying(pk)
    fresh.post(f"/migrations/{pk}/cancel")
    assert fresh.wait_for_end(pk)["state"] == "cancelled"
    assert checkpoints(a) == WEEK


def test_a_worker_killed_between_two_is_followed_by_one_that_finishes(fresh: Serving, lab: Lab, b: Host) -> None:
    start_guest(fresh, lab, MANY)
    pk = fresh.migrate(NAME, "kvm-b", bandwidth_mib=8)["id"]
    fresh.wait_for_copying(pk)
    worker = fresh.owner_pid(pk)
    third = f"/var/lib/libvirt/qemu/checkpoint/{NAME}/{MANY[2]}.xml"
    # it hangs at the third, so that the worker does not come to the last one meanwhile
    hangs = f"until test -e {third}; do sleep 0.01; done; kill -STOP $(cat /run/libvirtd.pid)"
    b.exec("sh", "-c", hangs, timeout=90)
    os.kill(worker, signal.SIGKILL)
    b.cont_daemon("libvirtd")
    assert checkpoints(b) != MANY
    assert not fresh.migration(pk)["terminal"]
    migration = fresh.wait_for_end(pk)
    assert migration["state"] == "done", migration
    assert "Another worker follows this migration now." in said(fresh, pk)
    assert checkpoints(b) == MANY
    back_up(b, since=MANY[0])
