"""Debian 12 to Debian 13 for the methods that need a VM off, and with TLS; the main job: tests/lab/test_mixed_releases.py.

libvirt of both hosts speaks TLS to the other, and kvmweb speaks ssh to both.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from lab import GuestSpec, Lab, TickReceiver, Wanted
from tests.faults.phases import content
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.faults, pytest.mark.timeout(600)]

A, B, C = "kvm-a", "kvm-b", "kvm-c"


@pytest.fixture(scope="module")
def mixed() -> Iterator[Lab]:
    roots = {A: "bookworm", B: "trixie", C: "trixie"}
    made = Lab.up(Wanted(prefix=f"r{os.getpid() % 100_000}", hosts=3, profile="test", rootfs=roots, owned=True))
    try:
        yield made
    finally:
        made.down()


@pytest.fixture(scope="module")
def served(mixed: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    serving = Serving(mixed, tmp_path_factory.mktemp("mixed"), transport="ssh", peer="tls")
    serving.prepare()
    serving.start()
    try:
        serving.register_hosts()
        libvirt = {host["name"]: host["libvirt"].partition(".")[0] for host in serving.items("/hosts")}
        assert libvirt == {A: "9", B: "11", C: "11"}
        yield serving
    finally:
        serving.stop()


def test_stop_migrate_start_on_shared_storage(served: Serving, mixed: Lab) -> None:
    served.wait_for_guest("db-01", A)
    with TickReceiver(*mixed.ticks_address) as ticks:
        began = time.monotonic()
        assert ticks.wait_for("db-01", since=began, timeout=60)
        asked = served.migrate("db-01", B, kind="stop_move_start", confirm="db-01")
        ended = served.wait_for_end(asked["id"])
        assert (ended["state"], ended["state_text"]) == ("done", "db-01 runs on kvm-b."), ended
        assert ticks.wait_for("db-01", since=time.monotonic(), timeout=60)
        assert len({tick.boot for tick in ticks.ticks("db-01", began)}) == 2
        assert not ticks.ran_twice("db-01", began)
    assert ended["downtime_ms"] > 0
    assert mixed.where("db-01") == [B]


def test_stop_migrate_start_does_not_leave_a_local_disk_behind(served: Serving, mixed: Lab) -> None:
    served.wait_for_guest("build-01", A)
    asked = served.migrate("build-01", B, kind="stop_move_start", confirm="build-01")
    ended = served.wait_for_end(asked["id"])
    assert ended["state"] == "blocked", ended
    assert "storage_shared" in {each["check"] for each in ended["findings"] if each["severity"] == "blocker"}
    assert mixed.hosts[A].domain_state("build-01") == "running"


def test_offline_with_storage_of_a_local_disk_and_started_there(served: Serving, mixed: Lab) -> None:
    a, b = mixed.hosts[A], mixed.hosts[B]
    a.virsh("destroy", "build-01")
    served.wait_for_guest("build-01", A, "shut off")
    before = content(a)
    ended = served.wait_for_end(served.migrate("build-01", B, kind="offline_storage")["id"])
    assert (ended["state"], ended["state_text"]) == ("done", "build-01 is shut off on kvm-b."), ended
    assert content(b) == before
    served.wait_for_guest("build-01", B, "shut off")
    with TickReceiver(*mixed.ticks_address) as ticks:
        ended = served.wait_for_end(served.migrate("build-01", C, kind="offline_storage", start_after=True)["id"])
        assert (ended["state"], ended["state_text"]) == ("done", "build-01 runs on kvm-c."), ended
        assert ticks.wait_for("build-01", timeout=60)
    assert mixed.where("build-01") == [C]


def test_offline_with_storage_of_a_shared_disk_copies_nothing(served: Serving, mixed: Lab) -> None:
    served.wait_for_guest("old-01", A, "shut off")
    ended = served.wait_for_end(served.migrate("old-01", B, kind="offline_storage")["id"])
    assert (ended["state"], ended["state_text"]) == ("done", "old-01 is shut off on kvm-b."), ended
    assert not [vol for vol in mixed.hosts[B].virsh("vol-list", "local").splitlines() if "old-01" in vol]
    assert mixed.where("old-01") == [B]


def test_tls_from_12_to_13(served: Serving, mixed: Lab) -> None:
    served.wait_for_guest("web-01", A)
    ended = served.wait_for_end(served.migrate("web-01", B, tls=True)["id"])
    assert ended["state"] == "done", ended
    served.wait_for_guest("web-01", B)
    refused = served.wait_for_end(served.migrate("web-01", C, tls=True, tls_name="another-host")["id"])
    assert refused["state"] == "failed", refused
    assert "another-host" in refused["error"]["libvirt"] or "hostname" in refused["error"]["libvirt"], refused
    assert mixed.hosts[B].domain_state("web-01") == "running"


def test_13_encrypts_copies_beside_parallel_connections(served: Serving, mixed: Lab) -> None:
    """The bug that the check tls_copies knows is gone there."""
    mixed.define_guest(B, GuestSpec("copied", B, storage="local"))
    served.wait_for_guest("copied", B)
    options = {"tls": True, "parallel_connections": 2}
    ended = served.wait_for_end(served.migrate("copied", C, kind="live_storage", **options)["id"])
    assert ended["state"] == "done", ended
    assert mixed.where("copied") == [C]
