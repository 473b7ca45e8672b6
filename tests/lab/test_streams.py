"""A VM that is shut off and cannot start on its host migrates with its disks through kvmweb, between real hosts."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from lab import Lab
from lab.guests import POOLS
from lab.host import Host
from tests.lab.leftovers import assert_unchanged, take
from tests.lab.serving import Serving, wait_until
from tests.lab.test_what_travels import TPM, VARS, firmware_vm, part, tpm_state
from tests.lab.wire import carried

__all__ = ["firmware_vm"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NAME, MIB = "fw-01", 1024**2
RAW, MOVED = f"{POOLS['local']}/fw.raw", f"{POOLS['local']}/moved.raw"
QCOW2, MOVED_QCOW2 = f"{POOLS['local']}/fw.qcow2", f"{POOLS['local']}/moved.qcow2"
GONE = "<serial type='dev'><source path='/dev/gone'/><target port='0'/></serial>"


def disk(path: str, target: str) -> ElementTree.Element:
    return ElementTree.fromstring(
        f"<disk type='file' device='disk'><driver name='qemu' type='{path.rpartition('.')[2]}'/>"
        f"<source file='{path}'/><target dev='{target}' bus='virtio'/></disk>"
    )


@pytest.fixture
def stuck(fresh: Serving, lab: Lab, firmware_vm: str) -> Iterator[Serving]:
    """It has UEFI variables, a TPM, a sparse raw disk of several parts and an image; a device that it needs is gone."""
    a = lab.hosts["kvm-a"]
    a.virsh("destroy", NAME)
    a.exec("truncate", "-s", "200M", RAW)
    for at in ("0", "63M", "130M"):  # also where a part ends
        a.exec("qemu-io", "-f", "raw", "-c", f"write -P 7 {at} 4M", RAW)
    a.exec("qemu-img", "create", "-q", "-f", "qcow2", QCOW2, "64M")
    a.exec("qemu-io", "-f", "qcow2", "-c", "write -P 9 5M 3M", QCOW2)
    a.virsh("pool-refresh", "local")
    domain = ElementTree.fromstring(a.virsh("dumpxml", NAME, "--inactive"))
    devices = part(domain, "devices")
    devices.extend([ElementTree.fromstring(TPM), disk(RAW, "vda"), disk(QCOW2, "vdb")])
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=ElementTree.tostring(domain, encoding="unicode"))
    a.virsh("start", NAME)  # a TPM gets its keys at its first start
    a.virsh("destroy", NAME)
    devices.append(ElementTree.fromstring(GONE))
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=ElementTree.tostring(domain, encoding="unicode"))
    fresh.wait_for_guest(NAME, "kvm-a", "shut off")
    yield fresh
    for host in lab.hosts.values():
        host.virsh("undefine", NAME, "--keep-nvram", check=False)
        host.exec("sh", "-c", f"rm -f {RAW} {MOVED} {QCOW2} {MOVED_QCOW2} {VARS}.before-*")
        host.virsh("pool-refresh", "local")


def ask(serving: Serving, **options: Any) -> int:
    pk: int = serving.migrate(NAME, "kvm-b", kind="offline_storage", **options)["id"]
    return pk


def sums(host: Host, *paths: str) -> list[str]:
    return [host.exec("sha256sum", path).split()[0] for path in paths]


def blocks(host: Host, path: str) -> int:
    return int(host.exec("stat", "-c", "%b", path)) * 512


def definition(host: Host) -> str:
    return host.virsh("dumpxml", NAME, "--inactive", "--security-info")


def test_disks_and_state_of_a_vm_that_cannot_start_are_carried(stuck: Serving, lab: Lab, firmware_vm: str) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    uuid = a.virsh("domuuid", NAME).strip()
    before, tpm, disks = definition(a), tpm_state(a, uuid), sums(a, RAW, QCOW2)
    migration = stuck.wait_for_end(ask(stuck, disks={"vda": {"pool": "local", "name": "moved.raw"}}))
    assert (migration["state"], migration["state_text"]) == ("done", f"{NAME} is shut off on kvm-b."), migration
    assert "gone" in migration["streamed_because"]
    assert NAME not in a.domains().values()
    assert definition(b) == before.replace(RAW, MOVED)
    assert sums(b, MOVED, QCOW2) == sums(a, RAW, QCOW2) == disks
    assert blocks(b, MOVED) <= 16 * MIB
    assert (tpm_state(b, uuid), b.exec("sha256sum", VARS)) == (tpm, firmware_vm)


def test_disks_go_through_kvmweb_only_when_they_are_streamed(stuck: Serving, lab: Lab) -> None:
    """There as streams; back as a migration of libvirt's, because it can start again."""
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    a.exec("qemu-io", "-f", "raw", "-c", "write -P 5 140M 40M", RAW)
    size = blocks(a, RAW)

    def crossed(source: str, target: str, **options: Any) -> tuple[float, float]:
        """Both links of both hosts, beside the disk: kvmweb's, and the one from host to host."""
        hosts = (a, b)
        before = [carried(hosts, link) for link in ("mgmt", "mig")]
        stuck.wait_for_guest(NAME, source, "shut off")
        migration = stuck.wait_for_end(stuck.migrate(NAME, target, kind="offline_storage", **options)["id"])
        assert migration["state"] == "done", migration
        assert bool(migration["streamed_because"]) == (source == "kvm-a")
        mgmt, mig = (carried(hosts, link) - was for link, was in zip(("mgmt", "mig"), before, strict=True))
        return mgmt / size, mig / size

    kvmwebs, hosts_own = crossed("kvm-a", "kvm-b")
    assert kvmwebs > 2 > 0.1 > hosts_own  # each byte left one host and reached the other
    domain = ElementTree.fromstring(b.virsh("dumpxml", NAME, "--inactive"))
    devices = part(domain, "devices")
    for tag in ("serial", "console"):
        for device in devices.findall(tag):
            devices.remove(device)
    b.exec("virsh", "-q", "define", "/dev/stdin", stdin=ElementTree.tostring(domain, encoding="unicode"))
    kvmwebs, hosts_own = crossed("kvm-b", "kvm-a", disks={"vda": {"name": "moved.raw"}, "vdb": {"name": "moved.qcow2"}})
    assert hosts_own > 2 > 0.1 > kvmwebs


def test_a_cancel_leaves_it_as_it_was(stuck: Serving, lab: Lab) -> None:
    before = take(lab)
    pk = ask(stuck, disk_bandwidth_mib=1)
    stuck.wait_for_state(pk, "copying_disks")
    assert stuck.post(f"/migrations/{pk}/cancel", {"reason": "wrong one"}).status == 202
    migration = stuck.wait_for_end(pk)
    assert migration["state_text"] == f"{NAME} is shut off on kvm-a. The migration was cancelled."
    assert_unchanged(lab, before)


def test_a_worker_that_is_killed_in_the_middle(stuck: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    pk = ask(stuck, disk_bandwidth_mib=1)
    stuck.wait_for_state(pk, "copying_disks")
    wait_until(lambda: blocks(b, RAW) > 5 * MIB, 30, "its second part is copied", tell=stuck.tail_of_log)
    os.kill(stuck.owner_pid(pk), signal.SIGKILL)
    wait_until(lambda: len(stuck.owners(pk)) == 2, 30, "another worker follows it", tell=stuck.tail_of_log)
    stuck.post(f"/migrations/{pk}/orders", {"what": "bandwidth_mib", "value": 0})
    migration = stuck.wait_for_end(pk)
    assert migration["state"] == "done", migration
    assert sums(b, RAW, QCOW2) == sums(a, RAW, QCOW2)
