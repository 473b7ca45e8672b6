"""What is said while something is wrong is true of the VM at that moment."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from lab import Host, Lab, TickReceiver
from tests.faults.cell import Cell
from tests.faults.phases import DISKS, SWITCH_OVER
from tests.lab.serving import Serving, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]


def _seconds_until_it_stands_still(cell: Cell) -> float:
    """From virsh's word to kvmweb's."""
    cell.reach()
    began = time.monotonic()

    def said() -> bool:
        shown = cell.shown()
        return shown["state"] == "switching_over" and "web-01 is paused on kvm-a" in shown["state_text"]

    wait_until(said, 120, "kvmweb says that it stands still", tell=cell.tell)
    return time.monotonic() - began


def test_a_vm_that_stands_still_is_not_said_to_run(fresh: Serving, lab: Lab, ticks: TickReceiver) -> None:
    healthy = Cell(lab, fresh, ticks, SWITCH_OVER)
    with healthy.healed():
        normal = _seconds_until_it_stands_still(healthy)
        lab.shape(None)
        assert fresh.wait_for_end(healthy.pk)["state"] == "done"
    lab.reset()
    fresh.wait_for_guest("web-01", "kvm-a")
    cell = Cell(lab, fresh, ticks, SWITCH_OVER)
    with cell.healed():
        cell.reach()
        cell.target.link("mig", up=False)
        began = time.monotonic()
        wait_until(lambda: cell.shown()["state"] == "switching_over", 120, "it is said", tell=cell.tell)
        assert "web-01 is paused on kvm-a" in cell.shown()["state_text"]
        assert time.monotonic() - began < normal + 8
        cell.cancel()
        wait_until(lambda: any("cancel waits" in entry["text"] for entry in fresh.journal(cell.pk)), 30, "it waits")
        cell.target.link("mig", up=True)
        lab.shape(None)
        assert fresh.wait_for_end(cell.pk)["state"] in ("cancelled", "done", "failed")


@pytest.mark.parametrize("end", ["done", pytest.param("cancelled", marks=pytest.mark.faults)])
def test_a_suspend_during_a_copy_is_told_and_kept(end: str, fresh: Serving, lab: Lab, ticks: TickReceiver) -> None:
    cell = Cell(lab, fresh, ticks, DISKS)
    with cell.healed():
        cell.reach()
        cell.person(cell.source, "suspend", cell.uuid)  # QEMU hangs until what is under way is written
        suspended = "Somebody suspended build-01 on kvm-a"
        wait_until(lambda: suspended in cell.shown()["state_text"], 60, "it is told", tell=cell.tell)
        assert cell.shown()["state"] in ("copying_disks", "copying_memory")
        if end == "cancelled":
            cell.cancel()
        lab.shape(None)
        shown = fresh.wait_for_end(cell.pk)
        assert shown["state"] == end, shown
        host = cell.target if end == "done" else cell.source
        assert cell.virsh_state(host).startswith("paused"), shown["state_text"]
        assert f"build-01 is paused on {host.name}" in shown["state_text"]
        told = [entry["text"] for entry in fresh.journal(cell.pk)]
        assert f"{suspended}." in told
        assert not any("last pages are copied" in text for text in told)


@pytest.fixture
def small_pool(lab: Lab) -> Iterator[Host]:
    """kvm-b's local pool on a file system whose size can be changed."""
    host, folder = lab.hosts["kvm-b"], "/var/lib/libvirt/images"
    host.exec("mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", folder)
    host.virsh("pool-refresh", "local")
    yield host
    host.exec("umount", "--lazy", folder)
    host.virsh("pool-refresh", "local")


def test_a_pool_that_fills_up_is_named_as_the_cause(
    fresh: Serving, lab: Lab, ticks: TickReceiver, small_pool: Host
) -> None:
    cell = Cell(lab, fresh, ticks, DISKS)
    with cell.healed():
        cell.reach()
        small_pool.exec("mount", "-o", "remount,size=1m", "/var/lib/libvirt/images")
        lab.shape(None)
        shown = fresh.wait_for_end(cell.pk)
        assert shown["state"] == "failed", shown
        assert "build-01 runs on kvm-a" in shown["state_text"]
        assert "A storage pool is full" in shown["error"]["cause"]
