"""What becomes of a VM that is paused for its copy when a libvirtd ends or the migration link is cut in the middle."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from lab import Lab
from tests.lab.leftovers import Before, assert_moved, assert_unchanged, take
from tests.lab.serving import Serving, wait_until
from tests.lab.test_suspended import SLOW, hurry, paused_for_its_copy, state

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NAME = "web-01"


def restart_libvirtd(serving: Serving, lab: Lab, host: str, pk: int) -> Any:
    """It is killed, and started again once kvmweb has missed it. The migration at its end."""
    lab.hosts[host].kill_daemon("libvirtd")
    waiting = f"Waiting for {host} to be reachable again."
    wait_until(lambda: waiting in serving.migration(pk)["state_text"], 30, f"kvmweb misses {host}", serving.tail_of_log)
    lab.hosts[host].start_daemon("libvirtd")
    migration = serving.wait_for_end(pk)
    serving.wait_for_hosts()
    return migration


@pytest.mark.parametrize("options", [{}, {"keep_paused": True}], ids=["run", "keep_paused"])
@pytest.mark.parametrize("host", ["kvm-a", "kvm-b"])
def test_a_libvirtd_that_is_killed_and_started_again(
    host: str, options: dict[str, bool], fresh: Serving, lab: Lab
) -> None:
    """libvirt cancels the migration and resumes the VM on the source, on whichever side it was."""
    before = take(lab)
    pk = paused_for_its_copy(fresh, lab, NAME, **SLOW, **options)
    migration = restart_libvirtd(fresh, lab, host, pk)
    assert migration["state"] == "failed", migration
    assert migration["state_text"] == f"{NAME} runs on kvm-a, where it was before. The migration failed."
    assert migration["error"]["cause"] == "A connection broke during the migration."
    assert state(lab, "kvm-a", NAME) == "running (migration canceled)"
    assert_unchanged(lab, before)


def test_a_kvmweb_that_is_killed_and_started_again(fresh: Serving, lab: Lab) -> None:
    before = take(lab)
    pk = paused_for_its_copy(fresh, lab, NAME, **SLOW)
    assert fresh.process is not None
    fresh.process.kill()
    fresh.process.wait(15)
    assert state(lab, "kvm-a", NAME) == "paused (migrating)"
    fresh.start()
    wait_until(lambda: len(fresh.owners(pk)) >= 2, 30, "another worker writes progress", tell=fresh.tail_of_log)
    hurry(lab, NAME)
    migration = fresh.wait_for_end(pk)
    assert migration["state"] == "done", migration
    assert_moved(lab, before, NAME)


@pytest.mark.parametrize("host", ["kvm-a", "kvm-b"])
def test_a_vm_that_was_paused_before_stays_paused(host: str, fresh: Serving, lab: Lab) -> None:
    lab.hosts["kvm-a"].virsh("suspend", NAME)
    before = take(lab)
    pk = fresh.migrate(NAME, "kvm-b", kind="suspended", **SLOW)["id"]
    fresh.wait_for_copying(pk)
    migration = restart_libvirtd(fresh, lab, host, pk)
    assert migration["state"] == "failed", migration
    assert migration["state_text"].startswith(f"{NAME} is paused on kvm-a")
    assert state(lab, "kvm-a", NAME).startswith("paused")
    assert_unchanged(lab, before)


@pytest.fixture
def cut(fresh: Serving, lab: Lab) -> Iterator[tuple[int, Before]]:
    """A migration whose link is cut in the middle, so that nothing is copied any more; and what was there before."""

    def copied() -> int:
        return int(fresh.migration(pk)["progress"]["transferred_bytes"])

    def stalls() -> bool:
        so_far = copied()
        time.sleep(3)
        return copied() == so_far

    before = take(lab)
    pk = paused_for_its_copy(fresh, lab, NAME, **SLOW)
    lab.hosts["kvm-b"].link("mig", up=False)
    wait_until(stalls, 30, "nothing is copied any more")
    assert state(lab, "kvm-a", NAME) == "paused (migrating)"
    yield pk, before
    lab.hosts["kvm-b"].link("mig", up=True)


def test_a_cut_link_that_is_repaired(cut: tuple[int, Before], fresh: Serving, lab: Lab) -> None:
    """QEMU sends again what was lost."""
    pk, before = cut
    lab.hosts["kvm-b"].link("mig", up=True)
    hurry(lab, NAME)
    migration = fresh.wait_for_end(pk)
    assert (migration["state"], migration["state_text"]) == ("done", f"{NAME} runs on kvm-b.")
    assert state(lab, "kvm-b", NAME).startswith("running")
    assert_moved(lab, before, NAME)


def test_a_cancel_while_the_link_is_cut(cut: tuple[int, Before], fresh: Serving, lab: Lab) -> None:
    pk, before = cut
    assert fresh.post(f"/migrations/{pk}/cancel", {"reason": "the link is cut"}).status == 202
    migration = fresh.wait_for_end(pk)
    assert migration["state"] == "cancelled", migration
    assert state(lab, "kvm-a", NAME) == "running (migration canceled)"
    assert_unchanged(lab, before)
