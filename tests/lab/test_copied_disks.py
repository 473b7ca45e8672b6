"""What the copy of a disk is on the destination, read by qemu-img and not by kvmweb."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab import Lab
from lab.guests import POOLS
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

IMAGE = f"{POOLS['local']}/odd-01.qcow2"
MADE = "compat=1.1,cluster_size=128k,lazy_refcounts=on,extended_l2=on"
XML = f"""<domain type='qemu'><name>odd-01</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>
<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/><source file='{IMAGE}'/>
<target dev='vda' bus='virtio'/></disk><memballoon model='none'/><controller type='usb' model='none'/></devices></domain>"""


def image_on(lab: Lab, host: str) -> dict[str, Any]:
    """The parts of the format that a copy shall keep, and its bitmaps."""
    said = json.loads(lab.hosts[host].exec("qemu-img", "info", "-U", "--output=json", IMAGE))
    data = said["format-specific"]["data"]
    kept = {name: data[name] for name in ("compat", "lazy-refcounts", "extended-l2", "refcount-bits")}
    return {**kept, "cluster-size": said["cluster-size"], "bitmaps": [each["name"] for each in data.get("bitmaps", ())]}


@pytest.fixture(params=["kvmweb", "kvmweb_over_ssh"])
def odd_vm(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Serving]:
    """A VM that does nothing, with an image of its own kind that has a bitmap."""
    serving: Serving = request.getfixturevalue(request.param)
    lab.reset()
    a = lab.hosts["kvm-a"]
    a.exec("qemu-img", "create", "-q", "-f", "qcow2", "-o", MADE, IMAGE, "8M")
    a.exec("qemu-img", "bitmap", "--add", IMAGE, "since-monday")
    a.virsh("pool-refresh", "local")
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=XML)
    a.virsh("start", "odd-01")
    serving.wait_for_hosts()
    serving.wait_for_guest("odd-01", "kvm-a", seconds=60)
    yield serving
    lab.reset()
    for host in lab.hosts.values():
        host.exec("rm", "-f", IMAGE)
        host.virsh("pool-refresh", "local")


def test_a_copied_image_is_made_like_its_source(odd_vm: Serving, lab: Lab) -> None:
    migration = odd_vm.wait_for_end(odd_vm.migrate("odd-01", "kvm-b", kind="live_storage")["id"])
    assert migration["state"] == "done", migration
    lab.hosts["kvm-b"].virsh("destroy", "odd-01")  # QEMU writes bitmaps into the image when it ends
    here, there = image_on(lab, "kvm-a"), image_on(lab, "kvm-b")
    assert there == here
    assert there["bitmaps"] == ["since-monday"]
    assert there["cluster-size"] == 128 * 1024
    assert there["lazy-refcounts"]
    assert there["extended-l2"]
    (finding,) = (each for each in migration["findings"] if each["check"] == "copied_content")
    assert finding["severity"] in ("passed", "info"), finding  # the pool does not tell what the image holds
