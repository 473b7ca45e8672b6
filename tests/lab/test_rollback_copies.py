"""A disk that a migration left at its source: refused while a VM uses it, then deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab import Lab
from lab.guests import POOLS
from tests.lab.serving import Serving, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

IMAGE = f"{POOLS['local']}/left-01.qcow2"


def xml(name: str) -> str:
    return f"""<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>
<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/><source file='{IMAGE}'/>
<target dev='vda' bus='virtio'/></disk><memballoon model='none'/><controller type='usb' model='none'/></devices></domain>"""


@pytest.fixture
def left_vm(kvmweb_over_ssh: Serving, lab: Lab) -> Iterator[Serving]:
    lab.reset()
    a = lab.hosts["kvm-a"]
    a.exec("qemu-img", "create", "-q", "-f", "qcow2", IMAGE, "8M")
    a.virsh("pool-refresh", "local")
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=xml("left-01"))
    a.virsh("start", "left-01")
    kvmweb_over_ssh.wait_for_hosts()
    kvmweb_over_ssh.wait_for_guest("left-01", "kvm-a", seconds=60)
    yield kvmweb_over_ssh
    lab.reset()
    for host in lab.hosts.values():
        host.exec("rm", "-f", IMAGE)
        host.virsh("pool-refresh", "local")


def deleted(serving: Serving, number: int) -> dict[str, Any]:
    """The copy after a request to delete it: refused at once, or by the worker."""
    answer = serving.post(f"/rollback-copies/{number}/delete", {"confirm": "left-01"}, token=serving.admin_token)
    if answer.status == 409:
        return {"state": "present", "state_text": answer.body["detail"]}
    assert answer.status == 202, answer.body

    def over() -> bool:
        return bool(serving.get(f"/rollback-copies/{number}").body["state"] != "deleting")

    wait_until(over, 30, "no worker has the copy")
    return dict(serving.get(f"/rollback-copies/{number}").body)


def test_a_copy_is_deleted_only_when_no_vm_uses_it(left_vm: Serving, lab: Lab) -> None:
    a = lab.hosts["kvm-a"]
    migration = left_vm.wait_for_end(left_vm.migrate("left-01", "kvm-b", kind="live_storage")["id"])
    assert migration["state"] == "done", migration
    (copy,) = (one for one in left_vm.items("/rollback-copies") if one["migration"] == migration["id"])
    assert (copy["path"], copy["host"], copy["size"]) == (IMAGE, "kvm-a", 8 * 1024**2)

    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=xml("user-01"))
    refused = deleted(left_vm, copy["id"])
    assert refused["state"] == "present"
    assert "user-01 on kvm-a uses" in refused["state_text"], refused
    a.exec("test", "-e", IMAGE)

    a.virsh("undefine", "user-01")
    wait_until(lambda: deleted(left_vm, copy["id"])["state"] == "deleted", 20, "the copy is deleted")
    assert a.exec("sh", "-c", f"test -e {IMAGE} || echo gone").strip() == "gone"
    lab.hosts["kvm-b"].exec("test", "-e", IMAGE)
