"""Migrations for which libvirt pauses the VM, between real hosts: what is true meanwhile and afterwards."""

from __future__ import annotations

import os
import signal
import time

import pytest

from lab import Lab, TickReceiver
from tests.lab.leftovers import assert_moved, assert_unchanged, take
from tests.lab.serving import Serving, wait_until
from tests.lab.test_new_places import NEW, disk_of

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

#: slow enough to look while it is copied
SLOW = {"bandwidth_mib": 4}


def state(lab: Lab, host: str, name: str) -> str:
    return lab.hosts[host].virsh("domstate", name, "--reason").strip()


def paused_for_its_copy(serving: Serving, lab: Lab, name: str, **options: object) -> int:
    """A suspended migration in the middle of its copy."""
    pk: int = serving.migrate(name, "kvm-b", kind="suspended", **options)["id"]
    serving.wait_for_copying(pk)
    wait_until(lambda: state(lab, "kvm-a", name) == "paused (migrating)", 60, f"{name} is paused for its migration")
    return pk


def hurry(lab: Lab, name: str) -> None:
    lab.hosts["kvm-a"].virsh("migrate-setspeed", name, "1000", check=False)  # it may have ended by itself


def test_a_running_vm_is_paused_while_it_is_copied_and_runs_at_the_destination(fresh: Serving, lab: Lab) -> None:
    before = take(lab)
    with TickReceiver(*lab.ticks_address) as ticks:
        assert ticks.wait_for("web-01", since=time.monotonic(), timeout=20)
        since = time.monotonic()
        pk = paused_for_its_copy(fresh, lab, "web-01", **SLOW)
        wait_until(lambda: "is paused on kvm-a" in fresh.migration(pk)["state_text"], 10, "the page says so")
        middle = fresh.migration(pk)
        migration = fresh.wait_for_end(pk)
        assert ticks.wait_for("web-01", since=time.monotonic(), timeout=20)
        hole = ticks.largest_hole("web-01", since, time.monotonic())
        assert not ticks.ran_twice("web-01")
    assert middle["state"] == "copying_memory"
    assert migration["state"] == "done", migration
    assert state(lab, "kvm-b", "web-01").startswith("running")
    assert migration["downtime_ms"] > 1000  # what libvirt reports is all of the pause
    assert abs(hole - migration["downtime_ms"] / 1000) < 3
    assert_moved(lab, before, "web-01")
    texts = " ".join(row["text"] for row in fresh.journal(pk))
    assert "Somebody" not in texts


def test_a_paused_vm_stays_paused(fresh: Serving, lab: Lab) -> None:
    lab.hosts["kvm-a"].virsh("suspend", "web-01")
    migration = fresh.wait_for_end(fresh.migrate("web-01", "kvm-b", kind="suspended")["id"])
    assert migration["state"] == "done", migration
    assert state(lab, "kvm-b", "web-01") == "paused (user)"


def test_it_is_left_paused_on_request(fresh: Serving, lab: Lab) -> None:
    migration = fresh.wait_for_end(fresh.migrate("web-01", "kvm-b", kind="suspended", keep_paused=True)["id"])
    assert migration["state"] == "done", migration
    assert migration["state_text"] == "web-01 is paused on kvm-b. It stays paused, as requested."
    assert state(lab, "kvm-b", "web-01") == "paused (user)"
    lab.hosts["kvm-b"].virsh("resume", "web-01")


@pytest.mark.parametrize("options", [{}, {"keep_paused": True}])
def test_a_cancel_in_the_middle_lets_it_run_at_the_source(options: dict[str, bool], fresh: Serving, lab: Lab) -> None:
    before = take(lab)
    pk = paused_for_its_copy(fresh, lab, "web-01", **SLOW, **options)
    assert fresh.post(f"/migrations/{pk}/cancel", {"reason": "wrong one"}).status == 202
    migration = fresh.wait_for_end(pk)
    assert migration["state"] == "cancelled", migration
    assert state(lab, "kvm-a", "web-01").startswith("running")
    assert_unchanged(lab, before)


def test_disks_are_copied_while_it_runs_and_memory_while_it_is_paused(fresh: Serving, lab: Lab) -> None:
    before = take(lab)
    pk = fresh.migrate("build-01", "kvm-b", kind="suspended", copy_disks=True, disk_bandwidth_mib=10, **SLOW)["id"]
    fresh.wait_for_state(pk, "copying_disks")
    assert state(lab, "kvm-a", "build-01").startswith("running")
    wait_until(lambda: state(lab, "kvm-a", "build-01") == "paused (migrating)", 100, "build-01 is paused")
    hurry(lab, "build-01")
    migration = fresh.wait_for_end(pk)
    assert migration["state"] == "done", migration
    assert state(lab, "kvm-b", "build-01").startswith("running")
    assert_moved(lab, before, "build-01", copied=["local/build-01.qcow2"])


def test_a_copied_disk_gets_another_place(fresh: Serving, lab: Lab) -> None:
    before = take(lab)
    places = {"vda": {"pool": "fast", "name": "new&odd.raw", "format": "raw"}}
    made = fresh.migrate("build-01", "kvm-b", kind="suspended", copy_disks=True, disks=places)
    migration = fresh.wait_for_end(made["id"])
    assert migration["state"] == "done", migration
    b = lab.hosts["kvm-b"]
    assert disk_of(b, "build-01") == disk_of(b, "build-01", "--inactive") == (NEW, "raw")
    assert_moved(lab, before, "build-01", copied=["fast/new&odd.raw"])


def test_a_worker_that_is_killed_in_the_middle_leaves_nothing_paused(fresh: Serving, lab: Lab) -> None:
    before = take(lab)
    pk = paused_for_its_copy(fresh, lab, "web-01", **SLOW)
    os.kill(fresh.owner_pid(pk), signal.SIGKILL)
    wait_until(lambda: len(fresh.owners(pk)) == 2, 30, "another worker writes progress", tell=fresh.tail_of_log)
    hurry(lab, "web-01")
    migration = fresh.wait_for_end(pk)
    assert migration["state"] == "done", migration
    assert state(lab, "kvm-b", "web-01").startswith("running")
    assert migration["downtime_ms"] > 1000
    assert_moved(lab, before, "web-01")
