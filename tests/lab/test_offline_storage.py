"""Offline with storage: a VM that is shut off migrates with its disks between real hosts, and never runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from lab import Lab, TickReceiver
from lab.host import Host
from tests.lab.leftovers import assert_unchanged, take
from tests.lab.serving import Serving, wait_until
from tests.lab.test_what_travels import TPM, VARS, firmware_vm, part, tpm_state

__all__ = ["firmware_vm"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NAME = "build-01"
DISK = "/var/lib/libvirt/images/build-01.qcow2"


@pytest.fixture
def off(fresh: Serving, lab: Lab) -> Iterator[Serving]:
    a = lab.hosts["kvm-a"]
    a.virsh("destroy", NAME)
    domain = ElementTree.fromstring(a.virsh("dumpxml", NAME, "--inactive"))
    part(domain, "devices").append(ElementTree.fromstring(TPM))
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=ElementTree.tostring(domain, encoding="unicode"))
    a.virsh("start", NAME)  # a TPM gets its keys at its first start
    a.virsh("destroy", NAME)
    fresh.wait_for_guest(NAME, "kvm-a", "shut off")
    yield fresh
    lab.reset()


def content(host: Host) -> str:
    """What a VM would read from the disk."""
    read = f"qemu-img convert -O raw {DISK} /root/raw && sha256sum /root/raw && rm /root/raw"
    return host.exec("sh", "-c", read)


def definition(host: Host) -> str:
    return host.virsh("dumpxml", NAME, "--inactive", "--security-info")


def state(host: Host) -> str:
    return host.virsh("domstate", NAME).strip()


def executed_nothing(host: Host) -> bool:
    """Its CPU is where it is when the power comes on, and it has read and written no block."""
    registers = host.virsh("qemu-monitor-command", NAME, "--hmp", "info registers")
    counted = host.virsh("domstats", NAME, "--block", "--raw")
    requests = [
        line.strip() for line in counted.splitlines() if line.strip().startswith(("block.0.rd.reqs", "block.0.wr.reqs"))
    ]
    return "EIP=0000fff0" in registers and requests == ["block.0.rd.reqs=0", "block.0.wr.reqs=0"]


def ask(serving: Serving, **options: Any) -> int:
    pk: int = serving.migrate(NAME, "kvm-b", kind="offline_storage", **options)["id"]
    return pk


def test_it_never_runs_and_all_of_it_is_carried(off: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    a.virsh("autostart", NAME)
    uuid = a.virsh("domuuid", NAME).strip()
    before, disk, tpm = definition(a), content(a), tpm_state(a, uuid)
    with TickReceiver(*lab.ticks_address) as ticks:
        since = time.monotonic()
        migration = off.wait_for_end(ask(off))
        assert migration["state"] == "done", migration
        assert state(b) == "shut off"
        assert ticks.wait_for("web-01", since=time.monotonic(), timeout=20)  # the receiver hears VMs that run
        assert not ticks.ticks(NAME, since)
    assert migration["state_text"] == f"{NAME} is shut off on kvm-b."
    assert NAME not in a.virsh("list", "--all", "--name").split()
    assert (definition(b), content(a), content(b)) == (before, disk, disk)
    assert tpm_state(b, uuid) == tpm
    assert "enable" in b.virsh("dominfo", NAME).split("Autostart:")[1].splitlines()[0]
    said = " ".join(row["text"] for row in off.journal(migration["id"]))
    assert "where it was paused and had never run" in said
    assert "differs" not in said


def test_a_cancel_leaves_it_shut_off(off: Serving, lab: Lab) -> None:
    before, disk = take(lab), content(lab.hosts["kvm-a"])
    pk = ask(off, bandwidth_mib=1)
    off.wait_for_state(pk, "copying_disks")
    assert state(lab.hosts["kvm-a"]) == "paused"
    assert executed_nothing(lab.hosts["kvm-a"])
    assert off.post(f"/migrations/{pk}/cancel", {"reason": "wrong one"}).status == 202
    migration = off.wait_for_end(pk)
    assert migration["state"] == "cancelled", migration
    assert migration["state_text"] == f"{NAME} is shut off on kvm-a. The migration was cancelled."
    assert_unchanged(lab, before)
    assert content(lab.hosts["kvm-a"]) == disk


def test_a_worker_that_is_killed_in_the_middle(off: Serving, lab: Lab) -> None:
    b = lab.hosts["kvm-b"]
    with TickReceiver(*lab.ticks_address) as ticks:
        since = time.monotonic()
        pk = ask(off, disk_bandwidth_mib=3)
        off.wait_for_state(pk, "copying_disks")
        os.kill(off.owner_pid(pk), signal.SIGKILL)
        wait_until(lambda: len(off.owners(pk)) == 2, 30, "another worker follows it", tell=off.tail_of_log)
        migration = off.wait_for_end(pk)
        assert not ticks.ticks(NAME, since)
    assert migration["state"] == "done", migration
    assert state(b) == "shut off"


def test_uefi_variables_are_carried(fresh: Serving, lab: Lab, firmware_vm: str) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    a.virsh("destroy", "fw-01")
    disk = "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/var/lib/libvirt/images/fw.raw'/>"
    domain = ElementTree.fromstring(a.virsh("dumpxml", "fw-01", "--inactive"))
    part(domain, "devices").append(ElementTree.fromstring(f"{disk}<target dev='vda' bus='virtio'/></disk>"))
    a.virsh("vol-create-as", "local", "fw.raw", "1M", "--format", "raw")
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=ElementTree.tostring(domain, encoding="unicode"))
    fresh.wait_for_guest("fw-01", "kvm-a", "shut off")
    assert b.exec("sha256sum", VARS) != firmware_vm
    migration = fresh.wait_for_end(fresh.migrate("fw-01", "kvm-b", kind="offline_storage")["id"])
    assert migration["state"] == "done", migration
    assert b.exec("sha256sum", VARS) == firmware_vm
    assert "kvmweb-" not in a.virsh("pool-list", "--all") + b.virsh("pool-list", "--all")
