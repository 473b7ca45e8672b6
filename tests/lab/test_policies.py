"""Policies with real VMs that write their memory about three times as fast as the link carries it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lab import GuestSpec, Lab, TickReceiver
from tests.lab.serving import Serving, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NAME = "busy-01"
#: KiB/s in so many MiB; the link carries a third of it, and a pass takes 3 s: with a third of its CPU the VM is as fast
BUSY = GuestSpec(NAME, "kvm-a", memory_mib=96, fill_mib=10, hot_mib=10, dirty_kib=12 * 1024)
LINK_MBIT = 32
QUICK = {"start_downtime_ms": 100, "ladder_ms": [150, 200], "stall_window_s": 2, "patience_s": 1}
PATIENT = {"stall_window_s": 600, "patience_s": 600}


@pytest.fixture(scope="module")
def policies(kvmweb: Serving) -> None:
    for name, fields in {
        "gives up": {**QUICK, "last_resort": "abort"},
        "finishes": {**QUICK, "last_resort": "finish"},
        "waits": {**PATIENT, "last_resort": "abort"},
    }.items():
        answer = kvmweb.post("/policies", {"name": name, **fields}, token=kvmweb.admin_token)
        assert answer.status == 201, answer.body


@pytest.fixture
def busy(fresh: Serving, lab: Lab, policies: None) -> Iterator[Serving]:
    """The VM has booted, so that there is something to copy, and the link is slow."""
    lab.define_guest("kvm-a", BUSY)
    fresh.wait_for_guest(NAME, "kvm-a")
    with TickReceiver(*lab.ticks_address) as ticks:
        assert ticks.wait_for(NAME, since=time.monotonic(), timeout=60), f"{NAME} is silent"
    lab.shape(LINK_MBIT)
    yield fresh
    lab.shape(None)


def migrate(serving: Serving, policy: str) -> int:
    body = {"guest": serving.guest(NAME)["uuid"], "target": "kvm-b", "policy": policy}
    answer = serving.post("/migrations", body)
    assert answer.status == 201, answer.body
    pk: int = answer.body["id"]
    return pk


def decisions(serving: Serving, pk: int) -> list[Any]:
    return serving.items(f"/migrations/{pk}/decisions")


def test_a_policy_that_gives_up_leaves_it_running_at_the_source(busy: Serving, lab: Lab) -> None:
    with TickReceiver(*lab.ticks_address) as ticks:
        assert ticks.wait_for(NAME, since=time.monotonic(), timeout=30), f"{NAME} is silent"
        since = time.monotonic()
        pk = migrate(busy, "gives up")
        ended = busy.wait_for_end(pk)
        made = decisions(busy, pk)
        assert ended["state"] == "failed", (ended, made)
        assert f"{NAME} runs on kvm-a" in ended["state_text"]
        assert "The migration was given up." in ended["state_text"]
        assert [one["action"] for one in made[-2:]] == ["raise", "abort"], made
        assert all(one["applied"] for one in made), made
        assert ended["error"]["cause"] == made[-1]["text"]
        assert ticks.wait_for(NAME, since=time.monotonic(), timeout=10), f"{NAME} is silent"
        assert ticks.largest_hole(NAME, since, time.monotonic()) < 3
        assert not ticks.ran_twice(NAME, since)
    assert lab.hosts["kvm-a"].virsh("migrate-getmaxdowntime", NAME).strip() == "300"
    assert NAME not in lab.hosts["kvm-b"].virsh("list", "--all", "--name").split()


def test_started_again_with_a_policy_that_finishes_it_arrives_whoever_works_on_it(busy: Serving, lab: Lab) -> None:
    pk = migrate(busy, "waits")
    busy.wait_for_copying(pk)
    given = busy.post(f"/migrations/{pk}/orders", {"what": "restart", "value": "finishes"})
    assert given.status == 202, given.body
    old = busy.wait_for_end(pk)
    assert old["state"] == "cancelled", old
    new = busy.migration(old["restarted_as"])
    assert (new["restart_of"], new["policy"]) == (pk, "finishes")
    order = busy.get(f"/migrations/{pk}/orders/{given.body['id']}").body
    assert (order["state"], str(new["id"]) in order["text"]) == ("applied", True), order
    wait_until(lambda: bool(decisions(busy, new["id"])), 90, "the policy has decided", tell=busy.tail_of_log)
    os.kill(busy.owner_pid(new["id"]), signal.SIGKILL)
    ended = busy.wait_for_end(new["id"])
    assert ended["state"] == "done", ended
    made = decisions(busy, new["id"])
    assert "finish" in [one["action"] for one in made], made
    allowed = [one["numbers"]["allowed_ms"] for one in made]
    assert allowed == sorted(set(allowed)), made
    assert len(busy.owners(new["id"])) == 2
    assert lab.hosts["kvm-b"].virsh("domstate", NAME).strip() == "running"
    with TickReceiver(*lab.ticks_address) as ticks:
        assert ticks.wait_for(NAME, timeout=20), f"{NAME} is silent"


def test_an_adopter_pauses_what_was_to_be_paused_and_it_runs_at_the_destination(busy: Serving, lab: Lab) -> None:
    """The decision as the policy writes it; its worker ends before it tells libvirt."""
    pk = migrate(busy, "waits")
    busy.wait_for_copying(pk)
    owner = busy.owner_pid(pk)
    os.kill(owner, signal.SIGSTOP)
    busy.manage("shell", "-v", "0", "-c", _TO_BE_PAUSED.format(pk=pk))
    os.kill(owner, signal.SIGKILL)
    state = lab.hosts["kvm-a"].virsh
    wait_until(lambda: state("domstate", NAME).strip() == "paused", 30, "it is paused", tell=busy.tail_of_log)
    assert "Somebody" not in busy.migration(pk)["state_text"]
    ended = busy.wait_for_end(pk)
    assert ended["state"] == "done", ended
    assert ended["error"] == {} or ended["error"] is None, ended
    assert lab.hosts["kvm-b"].virsh("domstate", NAME).strip() == "running"
    assert [(one["action"], one["applied"]) for one in decisions(busy, pk)] == [("suspend", True)]
    assert not [row["text"] for row in busy.journal(pk) if "kvmweb resumed" in row["text"]]  # libvirt did


_TO_BE_PAUSED = """
from django.utils import timezone
from migrations_app.models import Decision, Migration
Decision.objects.create(migration_id={pk}, at=timezone.now(), action="suspend", text="Paused, as a test wants it.")
Migration.objects.filter(pk={pk}).update(paused_by_policy=True)
"""
