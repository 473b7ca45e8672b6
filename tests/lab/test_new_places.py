"""Copied disks that get another pool, name and format, as virsh and qemu-img see them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from lab import Host, Lab
from lab.guests import POOLS
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

FAST, LOCAL = POOLS["fast"], POOLS["local"]
NEW = f"{FAST}/new&odd.raw"


@pytest.fixture
def copying(lab: Lab, kvmweb: Serving) -> Iterator[Serving]:
    lab.reset()
    kvmweb.wait_for_hosts()
    kvmweb.wait_for_guest("build-01", "kvm-a", seconds=60)
    yield kvmweb
    lab.reset()


def disk_of(host: Host, name: str, *flags: str) -> tuple[str, str]:
    """(path, format) of its first disk."""
    disk = ElementTree.fromstring(host.virsh("dumpxml", name, *flags)).find("devices/disk")
    assert disk is not None
    source, driver = disk.find("source"), disk.find("driver")
    assert source is not None
    assert driver is not None
    return source.get("file", ""), driver.get("type", "")


def test_a_disk_gets_another_pool_name_and_format(copying: Serving, lab: Lab) -> None:
    b = lab.hosts["kvm-b"]
    places = {"vda": {"pool": "fast", "name": "new&odd.raw", "format": "raw"}}
    made = copying.wait_for_end(copying.migrate("build-01", "kvm-b", kind="live_storage", disks=places)["id"])
    assert made["state"] == "done", made
    assert made["options"]["disks"] == places
    assert disk_of(b, "build-01") == disk_of(b, "build-01", "--inactive") == (NEW, "raw")
    assert json.loads(b.exec("qemu-img", "info", "-U", "--output=json", NEW))["format"] == "raw"
    assert f"{LOCAL}/build-01.qcow2" not in b.virsh("vol-list", "local")
    b.virsh("destroy", "build-01")
    b.virsh("start", "build-01")
    assert b.domain_state("build-01") == "running"


def test_a_cancelled_copy_leaves_nothing_at_its_new_place(copying: Serving, lab: Lab) -> None:
    places = {"vda": {"pool": "fast"}}
    pk = copying.migrate("build-01", "kvm-b", kind="live_storage", disks=places, bandwidth_mib=1)["id"]
    copying.wait_for_state(pk, "copying_disks", "copying_memory")
    copying.post(f"/migrations/{pk}/cancel", {})
    assert copying.wait_for_end(pk)["state"] == "cancelled"
    assert "build-01" not in lab.hosts["kvm-b"].virsh("vol-list", "fast")
    assert disk_of(lab.hosts["kvm-a"], "build-01")[0] == f"{LOCAL}/build-01.qcow2"
    taken = lab.hosts["kvm-b"].virsh("vol-list", "fast")
    assert "build-01" not in taken


def test_a_disk_with_a_backing_image_is_copied_flat(copying: Serving, lab: Lab) -> None:
    """The destination does not have the image that it builds on."""
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    base, top = f"{LOCAL}/base.qcow2", f"{LOCAL}/top.qcow2"
    a.exec("qemu-img", "create", "-q", "-f", "qcow2", base, "8M")
    a.exec("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", top)
    a.virsh("pool-refresh", "local")
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=OVERLAY.format(top))
    a.virsh("start", "top-01")
    copying.wait_for_guest("top-01", "kvm-a", seconds=60)
    made = copying.wait_for_end(copying.migrate("top-01", "kvm-b", kind="live_storage")["id"])
    assert made["state"] == "done", made
    said = json.loads(b.exec("qemu-img", "info", "-U", "--output=json", top))
    assert "backing-filename" not in said
    assert base not in b.virsh("dumpxml", "top-01")
    b.virsh("destroy", "top-01")
    b.virsh("start", "top-01")


OVERLAY = """<domain type='qemu'><name>top-01</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>
<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/><source file='{}'/>
<target dev='vda' bus='virtio'/></disk><memballoon model='none'/><controller type='usb' model='none'/></devices></domain>"""
