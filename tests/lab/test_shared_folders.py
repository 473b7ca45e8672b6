"""A plain pool on a mount that both hosts have: its files are those of the running VM, whatever type the pool has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab import Lab, storage
from lab.guests import POOLS
from tests.lab.serving import Serving
from tests.lab.test_migration import running_on

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

FOLDER = f"{POOLS['testvms']}/plain"
FILE = f"{FOLDER}/logs.qcow2"
OWN = "This is the VM's own disk. Do not delete it."
MAYBE = "This may be the VM's own disk. Do not delete it."
BY_PATH = f"<source file='{FILE}'/>"
BY_VOLUME = "<source pool='plain' volume='logs.qcow2'/>"


def second_disk(lab: Lab, kind: str, source: str) -> None:
    """Gives build-01, whose first disk is local, one in the plain pool."""
    inner = f"<driver name='qemu' type='qcow2' cache='none'/>{source}<target dev='vdb' bus='virtio'/>"
    xml = f"<disk type='{kind}' device='disk'>{inner}</disk>"
    lab.hosts["kvm-a"].exec("virsh", "-q", "attach-device", "build-01", "/dev/stdin", "--live", stdin=xml)


def inode(lab: Lab, host: str) -> str:
    return lab.hosts[host].exec("stat", "-c", "%i %s", FILE)


@pytest.fixture
def plain_pool(lab: Lab) -> Iterator[None]:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    a.exec("mkdir", "-p", FOLDER)
    try:
        for host in (b, a):  # the destination has read it before there was a file in it
            host.virsh("pool-define-as", "plain", "dir", "--target", FOLDER)
            host.virsh("pool-start", "plain")
        a.virsh("vol-create-as", "plain", "logs.qcow2", "16M", "--format", "qcow2")
        yield
    finally:
        for host in (a, b):
            host.virsh("destroy", "build-01", check=False)
            storage.drop_pool(host, "plain")
        a.exec("rm", "-rf", FOLDER)
        lab.reset()


@pytest.fixture
def over_ssh(lab: Lab, kvmweb_over_ssh: Serving) -> Serving:
    lab.reset()
    kvmweb_over_ssh.wait_for_guest("build-01", "kvm-a")
    return kvmweb_over_ssh


def asked(serving: Serving, copy: Any) -> Any:
    body = {"guest": serving.guest("build-01")["uuid"], "target": "kvm-b", "kind": "live_storage"}
    answer = serving.preflight({**body, "options": {"copy_disks": copy}})
    assert answer.status == 200, answer.body
    return answer.body


@pytest.mark.parametrize(("kind", "source"), [("file", BY_PATH), ("volume", BY_VOLUME)])
def test_by_ssh_the_shared_disk_stays_and_the_local_one_is_copied(
    over_ssh: Serving, lab: Lab, plain_pool: None, kind: str, source: str
) -> None:
    second_disk(lab, kind, source)
    before = inode(lab, "kvm-a")
    every = asked(over_ssh, ["vda", "vdb"])
    assert every["verdict"] == "blocked"
    assert OWN in next(f["summary"] for f in every["findings"] if f["check"] == "copy_place")
    if kind == "volume":  # which libvirt takes from the pool's list only
        unlisted = next(f for f in asked(over_ssh, True)["findings"] if f["check"] == "disks_reachable")
        assert [fix["command"] for fix in unlisted["remedies"]] == ["virsh pool-refresh plain"], unlisted
        lab.hosts["kvm-b"].virsh("pool-refresh", "plain")
    chosen = asked(over_ssh, True)
    assert chosen["copied_disks"] == ["vda"]
    assert [f for f in chosen["findings"] if f["severity"] in ("blocker", "unknown")] == []
    migration = over_ssh.wait_for_end(over_ssh.migrate("build-01", "kvm-b", kind="live_storage")["id"], seconds=180)
    assert (migration["state"], migration["copied_disks"]) == ("done", ["vda"]), migration
    assert running_on(lab, "kvm-b", "build-01")
    assert inode(lab, "kvm-b") == before == inode(lab, "kvm-a")


def test_over_tcp_nobody_knows_and_nothing_is_overwritten(fresh: Serving, lab: Lab, plain_pool: None) -> None:
    second_disk(lab, "file", BY_PATH)
    before = inode(lab, "kvm-b")
    unseen = asked(fresh, True)
    assert (unseen["verdict"], unseen["copied_disks"]) == ("unknown", ["vda", "vdb"])
    assert MAYBE in next(f["summary"] for f in unseen["findings"] if f["affects"] == "disk vdb")
    migration = fresh.wait_for_end(fresh.migrate("build-01", "kvm-b", kind="live_storage")["id"])
    assert (migration["state"], MAYBE in migration["state_text"]) == ("failed", True), migration
    lab.hosts["kvm-b"].virsh("pool-refresh", "plain")
    seen = asked(fresh, True)
    assert seen["verdict"] == "blocked"
    assert MAYBE in next(f["summary"] for f in seen["findings"] if f["severity"] == "blocker")
    assert running_on(lab, "kvm-a", "build-01")
    assert inode(lab, "kvm-a") == before == inode(lab, "kvm-b")
