"""Disks go from pool to pool on the host of their VM, as the VM, virsh and qemu-img see it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from lab import Host, Lab
from lab.guests import POOLS
from lab.ticks import TickReceiver
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


def job(host: Host) -> str:
    return host.virsh("blockjob", NAME, "vda", "--info", check=False)


def begin(serving: Serving, **options: Any) -> int:
    pk: int = serving.migrate(NAME, "kvm-a", kind="storage", disks=PLACE, **options)["id"]
    return pk


def begin_slowly(serving: Serving, host: Host) -> int:
    """So that it can be stopped in the middle. A part of a large disk is copied before the limit is there."""
    host.virsh("qemu-monitor-command", NAME, "--hmp", 'qemu-io drive0 "write -P 7 0 1"', check=False)
    pk = begin(serving)
    wait_until(lambda: "Block Copy" in job(host), 60, "QEMU copies")
    host.virsh("blockjob", NAME, "vda", "--bandwidth", "1")
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
    assert "No current block job" in job(a)
    assert json.loads(a.exec("qemu-img", "info", "-U", "--output=json", NEW))["format"] == "raw"
    assert f"{NAME}.qcow2" in a.virsh("vol-list", "local")
    (copy,) = (copy for copy in home.items("/rollback-copies") if copy["path"] == OLD and copy["state"] == "present")
    assert copy["host"] == "kvm-a"
    a.virsh("destroy", NAME)
    a.virsh("start", NAME)
    assert disk_of(a) == (NEW, "raw")
    with TickReceiver(*lab.ticks_address) as ticks:
        assert ticks.wait_for(NAME, since=time.monotonic(), timeout=40)
