"""Disks go from pool to pool on the host of their VM, as the VM, virsh and qemu-img see it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from lab import Host, Lab
from lab.guests import POOLS
from lab.ticks import TickReceiver
from tests.lab.leftovers import assert_unchanged, take
from tests.lab.serving import Serving, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NAME = "build-01"
FAST, LOCAL = POOLS["fast"], POOLS["local"]
OLD, NEW = f"{LOCAL}/{NAME}.qcow2", f"{FAST}/new&odd.raw"
PLACE = {"vda": {"pool": "fast", "name": "new&odd.raw", "format": "raw"}}


@pytest.fixture
def home(lab: Lab, kvmweb: Serving) -> Iterator[Serving]:
    lab.reset()
    kvmweb.wait_for_hosts()
    kvmweb.wait_for_guest(NAME, "kvm-a", seconds=60)
    yield kvmweb
    lab.reset()


@pytest.fixture
def a(lab: Lab) -> Host:
    return lab.hosts["kvm-a"]


def definition(host: Host, *flags: str) -> str:
    return host.virsh("dumpxml", NAME, *flags)


def disk_of(host: Host, *flags: str) -> tuple[str, str]:
    """(path, format) of its first disk."""
    disk = ElementTree.fromstring(definition(host, *flags)).find("devices/disk")
    assert disk is not None
    source, driver = disk.find("source"), disk.find("driver")
    assert source is not None
    assert driver is not None
    return source.get("file", ""), driver.get("type", "")


def copies(host: Host) -> bool:
    """Whether a block job copies its disk."""
    return "<mirror " in definition(host)


def begin(serving: Serving, **options: Any) -> int:
    pk: int = serving.migrate(NAME, "kvm-a", kind="storage", disks=PLACE, **options)["id"]
    return pk


def begin_slowly(serving: Serving, host: Host) -> int:
    """So slowly that it can be stopped in the middle."""
    pk = begin(serving, disk_bandwidth_mib=3)
    wait_until(lambda: copies(host), 60, "QEMU copies")
    serving.wait_for_state(pk, "copying_disks")
    return pk


def test_a_running_vm_does_not_notice_that_its_disk_is_elsewhere(home: Serving, lab: Lab, a: Host) -> None:
    before = definition(a, "--inactive", "--security-info")
    with TickReceiver(*lab.ticks_address) as ticks:
        assert ticks.wait_for(NAME, since=time.monotonic(), timeout=20)
        since = time.monotonic()
        made = home.wait_for_end(begin(home))
        assert ticks.wait_for(NAME, since=time.monotonic(), timeout=20)
        hole = ticks.largest_hole(NAME, since, time.monotonic())
        assert len(ticks.boots(NAME, since)) == 1
    assert made["state"] == "done", made
    assert made["state_text"] == f"{NAME} runs on kvm-a, with disk vda at its new place."
    assert hole < 2
    assert disk_of(a) == disk_of(a, "--inactive") == (NEW, "raw")
    wanted = before.replace(OLD, NEW.replace("&", "&amp;")).replace("type='qcow2'", "type='raw'")
    saved = definition(a, "--inactive", "--security-info")
    assert saved.replace("      <backingStore/>\n", "") == wanted  # libvirt may say that it is flat
    assert not copies(a)
    assert json.loads(a.exec("qemu-img", "info", "-U", "--output=json", NEW))["format"] == "raw"
    assert f"{NAME}.qcow2" in a.virsh("vol-list", "local")
    (copy,) = (copy for copy in home.items("/rollback-copies") if copy["migration"] == made["id"])
    assert (copy["host"], copy["path"], copy["state"]) == ("kvm-a", OLD, "present")
    a.virsh("destroy", NAME)
    a.virsh("start", NAME)
    assert disk_of(a) == (NEW, "raw")
    with TickReceiver(*lab.ticks_address) as ticks:
        assert ticks.wait_for(NAME, since=time.monotonic(), timeout=40)


def test_a_cancel_in_the_middle_leaves_nothing(home: Serving, lab: Lab, a: Host) -> None:
    before, definitions = take(lab), (definition(a), definition(a, "--inactive"))
    pk = begin_slowly(home, a)
    home.post(f"/migrations/{pk}/cancel", {})
    ended = home.wait_for_end(pk)
    assert ended["state"] == "cancelled", ended
    assert ended["state_text"] == f"{NAME} runs on kvm-a, on its old disks. The migration was cancelled."
    assert (definition(a), definition(a, "--inactive")) == definitions
    assert not copies(a)
    assert_unchanged(lab, before)


def test_a_killed_worker_is_replaced_and_the_copy_goes_on(home: Serving, lab: Lab, a: Host) -> None:
    pk = begin_slowly(home, a)
    wait_until(lambda: bool(home.owners(pk)), 20, "progress is written")
    os.kill(home.owner_pid(pk), signal.SIGKILL)
    wait_until(lambda: len(home.owners(pk)) == 2, 30, "another worker writes progress", tell=home.tail_of_log)
    ended = home.wait_for_end(pk)
    assert ended["state"] == "done", ended
    assert disk_of(a) == disk_of(a, "--inactive") == (NEW, "raw")
    assert not copies(a)


def test_without_kvmweb_the_copy_goes_on_and_the_next_one_switches_over(home: Serving, lab: Lab, a: Host) -> None:
    pk = begin_slowly(home, a)
    wait_until(lambda: bool(home.owners(pk)), 20, "progress is written")
    assert home.process is not None
    home.process.kill()
    home.process.wait(15)
    assert copies(a)
    home.start()
    ended = home.wait_for_end(pk)
    assert ended["state"] == "done", ended
    assert disk_of(a) == disk_of(a, "--inactive") == (NEW, "raw")
    assert not copies(a)


def test_a_killed_libvirtd_does_not_stop_the_copy(home: Serving, lab: Lab, a: Host) -> None:
    pk = begin_slowly(home, a)
    a.kill_daemon("libvirtd")
    a.start_daemon("libvirtd")
    ended = home.wait_for_end(pk)
    assert ended["state"] == "done", ended
    assert disk_of(a) == disk_of(a, "--inactive") == (NEW, "raw")


def test_a_vm_that_is_shut_off_in_the_middle_keeps_its_disk(home: Serving, lab: Lab, a: Host) -> None:
    before = definition(a, "--inactive")
    pk = begin_slowly(home, a)
    a.virsh("destroy", NAME)
    ended = home.wait_for_end(pk)
    assert ended["state"] == "failed", ended
    assert ended["error"]["cause"] == "The VM was shut off while its disks were copied."
    assert definition(a, "--inactive") == before
    assert "new&odd" not in a.virsh("vol-list", "fast")
    a.virsh("start", NAME)


def test_the_disk_of_a_shut_off_vm_is_copied_and_compared(home: Serving, lab: Lab, a: Host) -> None:
    a.virsh("destroy", NAME)
    home.wait_for_guest(NAME, "kvm-a", "shut off")
    before, new = definition(a, "--inactive", "--security-info"), f"{FAST}/{NAME}.qcow2"
    pk = home.migrate(NAME, "kvm-a", kind="storage", disks={"vda": {"pool": "fast"}})["id"]
    ended = home.wait_for_end(pk)
    assert ended["state"] == "done", ended
    assert ended["state_text"] == f"{NAME} is shut off on kvm-a, with disk vda at its new place."
    assert definition(a, "--inactive", "--security-info") == before.replace(OLD, new)
    sums = [a.exec("sha256sum", path).split()[0] for path in (OLD, new)]
    assert sums[0] == sums[1]
    (copy,) = (copy for copy in home.items("/rollback-copies") if copy["migration"] == pk)
    assert (copy["path"], copy["verification"]) == (OLD, "checksums")
    with TickReceiver(*lab.ticks_address) as ticks:
        since = time.monotonic()
        a.virsh("start", NAME)
        assert ticks.wait_for(NAME, since=since, timeout=60)
    assert disk_of(a) == (new, "qcow2")


def test_a_shut_off_vm_gets_no_other_format(home: Serving, a: Host) -> None:
    a.virsh("destroy", NAME)
    home.wait_for_guest(NAME, "kvm-a", "shut off")
    blocked = home.wait_for_end(begin(home))
    assert (blocked["state"], disk_of(a, "--inactive")) == ("blocked", (OLD, "qcow2"))
    assert "whole_volumes" in {one["check"] for one in blocked["findings"] if one["severity"] == "blocker"}


BIG = f"{LOCAL}/big-01.raw"
BIG_XML = f"""<domain type='qemu'><name>big-01</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/><source file='{BIG}'/>
<target dev='vda' bus='virtio'/></disk><memballoon model='none'/><controller type='usb' model='none'/></devices></domain>"""


@pytest.fixture
def big(home: Serving, a: Host) -> Iterator[int]:
    """The storage migration of a VM that is shut off, with a disk that takes a while to read."""
    a.exec("qemu-img", "create", "-q", "-f", "raw", BIG, "4G")
    a.exec("qemu-io", "-f", "raw", "-c", "write -P 7 3G 800M", BIG)
    a.virsh("pool-refresh", "local")
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=BIG_XML)
    home.wait_for_guest("big-01", "kvm-a", "shut off", seconds=60)
    pk: int = home.migrate("big-01", "kvm-a", kind="storage", disks={"vda": {"pool": "fast"}})["id"]
    wait_until(lambda: bool(home.owners(pk)), 60, "progress is written", tell=lambda: home.migration(pk)["state_text"])
    assert home.migration(pk)["state"] == "copying_disks"
    yield pk
    a.virsh("undefine", "big-01")
    a.exec("rm", "-f", BIG, f"{FAST}/big-01.raw")
    for pool in ("local", "fast"):
        a.virsh("pool-refresh", pool)


def test_reading_a_disk_can_be_cancelled(home: Serving, a: Host, big: int) -> None:
    home.post(f"/migrations/{big}/cancel", {})
    ended = home.wait_for_end(big)
    assert ended["state"] == "cancelled", ended
    assert "big-01" not in a.virsh("vol-list", "fast"), home.journal(big)
    assert BIG in a.virsh("dumpxml", "big-01")


def test_a_killed_worker_that_reads_a_disk_is_replaced(home: Serving, a: Host, big: int) -> None:
    os.kill(home.owner_pid(big), signal.SIGKILL)
    ended = home.wait_for_end(big)
    assert ended["state"] == "done", ended
    assert len(home.owners(big)) == 2
    assert f"{FAST}/big-01.raw" in a.virsh("dumpxml", "big-01")
    assert int(a.exec("stat", "-c", "%b", f"{FAST}/big-01.raw")) * 512 < 1024**3  # it is sparse
    a.exec("cmp", BIG, f"{FAST}/big-01.raw")
