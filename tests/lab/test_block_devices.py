"""A block device as a VM's disk: a loop device of this machine, with a node in each host's own /dev, is what a LUN is."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab import Host, Lab
from lab.guests import POOLS
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NAME, NODE, SIZE = "lun-01", "/dev/lun0", 24 * 1024 * 1024
COPY = f"{POOLS['fast']}/lun-01.qcow2"


@pytest.fixture
def device(lab: Lab, tmp_path: Path) -> Iterator[Path]:
    """With a node on kvm-a. Its content is the file's."""
    image = tmp_path / "lun"
    image.write_bytes(os.urandom(SIZE // 2) + bytes(SIZE // 2))
    loop = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True)
    name = loop.stdout.strip()
    try:
        _node(lab.hosts["kvm-a"], name)
        yield Path(name)
    finally:
        lab.reset()
        for host in lab.hosts.values():
            host.exec("rm", "-f", NODE)
        subprocess.run(["losetup", "--detach", name], check=True)


def _node(host: Host, device: str) -> None:
    number = os.stat(device).st_rdev
    host.exec("mknod", NODE, "b", str(os.major(number)), str(os.minor(number)))


def run(serving: Serving, lab: Lab) -> None:
    a = lab.hosts["kvm-a"]
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=VM)
    a.virsh("start", NAME)
    serving.wait_for_guest(NAME, "kvm-a", seconds=60)


def disks(host: Host) -> list[tuple[str, str, str]]:
    """(type of the disk, type of the format, source) in the running and in the saved definition."""
    found = []
    for flags in ((), ("--inactive",)):
        disk = ElementTree.fromstring(host.virsh("dumpxml", NAME, *flags)).find("devices/disk")
        assert disk is not None
        source, driver = disk.find("source"), disk.find("driver")
        assert source is not None
        assert driver is not None
        found.append((disk.get("type", ""), driver.get("type", ""), source.get("file") or source.get("dev") or ""))
    return found


@pytest.mark.parametrize("kind", ["live_storage", "suspended"])
def test_it_is_copied_into_a_pool_and_becomes_a_file(kind: str, fresh: Serving, lab: Lab, device: Path) -> None:
    b = lab.hosts["kvm-b"]
    run(fresh, lab)
    places = {"vda": {"pool": "fast", "name": "lun-01.qcow2", "format": "qcow2"}}
    ended = fresh.wait_for_end(fresh.migrate(NAME, "kvm-b", kind=kind, copy_disks=["vda"], disks=places)["id"])
    assert ended["state"] == "done", ended
    assert disks(b) == [("file", "qcow2", COPY)] * 2
    assert json.loads(b.exec("qemu-img", "info", "-U", "--output=json", COPY))["virtual-size"] == SIZE
    b.virsh("destroy", NAME)
    b.exec("qemu-img", "convert", "-O", "raw", COPY, "/tmp/lun.raw")
    copy = b.exec("sha256sum", "/tmp/lun.raw").split()[0]
    assert copy == subprocess.run(["sha256sum", device], check=True, capture_output=True, text=True).stdout.split()[0]
    b.virsh("start", NAME)
    assert b.domain_state(NAME) == "running"


def test_it_becomes_a_file_on_its_own_host_too(fresh: Serving, lab: Lab, device: Path) -> None:
    a = lab.hosts["kvm-a"]
    run(fresh, lab)
    places = {"vda": {"pool": "fast", "name": "lun-01.qcow2", "format": "qcow2"}}
    ended = fresh.wait_for_end(fresh.migrate(NAME, "kvm-a", kind="storage", disks=places)["id"])
    assert ended["state"] == "done", ended["state_text"]
    assert disks(a) == [("file", "qcow2", COPY)] * 2
    a.virsh("destroy", NAME)
    a.virsh("start", NAME)


def test_without_a_pool_for_its_copy_it_is_refused(fresh: Serving, lab: Lab, device: Path) -> None:
    run(fresh, lab)
    ended = fresh.wait_for_end(fresh.migrate(NAME, "kvm-b", kind="live_storage")["id"])
    assert ended["state"] == "blocked", ended
    assert "is a block device; its copy is a file. Choose a pool for it." in ended["state_text"]
    assert lab.hosts["kvm-a"].domain_state(NAME) == "running"


def test_one_that_both_hosts_reach_migrates_live(kvmweb_over_ssh: Serving, lab: Lab, device: Path) -> None:
    b = lab.hosts["kvm-b"]
    _node(b, str(device))
    run(kvmweb_over_ssh, lab)
    ended = kvmweb_over_ssh.wait_for_end(kvmweb_over_ssh.migrate(NAME, "kvm-b")["id"])
    assert ended["state"] == "done", ended
    assert disks(b) == [("block", "raw", NODE)] * 2
    # nothing proves that the two nodes are one storage, and the report says so
    said = [finding["severity"] for finding in ended["findings"] if finding["check"] == "storage_shared"]
    assert said == ["warning"]
    assert NAME not in lab.hosts["kvm-a"].domains().values()


VM = f"""<domain type='qemu'><name>{NAME}</name><uuid>6f1d3a52-1b7e-4c58-9d0e-2a7f4be7c111</uuid>
<memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>
<devices><disk type='block' device='disk'><driver name='qemu' type='raw' cache='none'/><source dev='{NODE}'/>
<target dev='vda' bus='virtio'/></disk><memballoon model='none'/><controller type='usb' model='none'/></devices></domain>"""
