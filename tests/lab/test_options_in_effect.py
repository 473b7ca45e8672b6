"""Limits, compression and sparse disks: seen at the wire, in QEMU's own numbers and in the files of the destination."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from lab import Lab
from lab.guests import POOLS
from lab.state import GuestSpec
from tests.lab.serving import Serving, wait_until
from tests.lab.wire import MIB, mib_per_second

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

#: its disk takes 15 s, and its memory more than 8 s: much more than is measured, as a busy machine begins late
LARGE = GuestSpec("wire-01", "kvm-a", memory_mib=256, fill_mib=144, storage="local", disk_mib=192, disk_fill_mib=150)
#: MiB/s. QEMU copies disks by MiB and counts them by tenths of a second: it keeps to multiples of 10
DISKS, MEMORY = 10, 16
#: seconds: QEMU sends 16 MiB of a disk at once, and nothing until that much may have been sent: so many times 1.6
BURSTS = 5 * 1.6


@pytest.fixture
def large(fresh: Serving, lab: Lab) -> Iterator[Serving]:
    """Its disk is filled once it has said something."""
    lab.define_guest("kvm-a", LARGE)
    fresh.wait_for_guest(LARGE.name, "kvm-a")
    path, a = f"{POOLS['local']}/{LARGE.name}.qcow2", lab.hosts["kvm-a"]
    wait_until(
        lambda: int(a.exec("stat", "-c", "%b", path)) * 512 > LARGE.disk_fill_mib * MIB, 90, "its disk is filled"
    )
    yield fresh
    lab.reset()


def limit_of(lab: Lab) -> str:
    return lab.hosts["kvm-a"].virsh("migrate-getspeed", LARGE.name, check=False).strip()


def test_disks_and_memory_have_their_own_limits_at_the_wire(large: Serving, lab: Lab) -> None:
    a = lab.hosts["kvm-a"]
    limits = {"disk_bandwidth_mib": DISKS, "bandwidth_mib": MEMORY}
    pk = large.migrate(LARGE.name, "kvm-b", kind="live_storage", **limits)["id"]
    large.wait_for_state(pk, "copying_disks")
    time.sleep(1)
    assert mib_per_second(a, BURSTS) == pytest.approx(DISKS, rel=0.15)
    large.wait_for_state(pk, "copying_memory")
    wait_until(lambda: limit_of(lab) == str(MEMORY), 10, "memory has its own limit")
    assert mib_per_second(a, 3) == pytest.approx(MEMORY, rel=0.15)
    ended = large.wait_for_end(pk)
    assert ended["state"] == "done", ended
    told = [row["text"] for row in large.journal(pk) if "Memory is" in row["text"]]
    assert told == ["The disks are copied. Memory is limited to 16 MiB/s."]


def test_memory_keeps_the_limit_of_the_disks_until_kvmweb_is_back(large: Serving, lab: Lab) -> None:
    pk = large.migrate(LARGE.name, "kvm-b", kind="live_storage", disk_bandwidth_mib=DISKS)["id"]
    large.wait_for_state(pk, "copying_disks")
    large.stop()  # a serve that is killed leaves its workers for a while
    a = lab.hosts["kvm-a"]
    wait_until(lambda: "Memory processed" in a.virsh("domjobinfo", LARGE.name), 60, "memory is copied")
    time.sleep(1)
    assert limit_of(lab) == str(DISKS)
    large.start()
    wait_until(lambda: limit_of(lab) != str(DISKS), 30, "memory is not limited any more", tell=large.tail_of_log)
    ended = large.wait_for_end(pk)
    assert ended["state"] == "done", ended


def test_changed_memory_is_compressed(fresh: Serving, lab: Lab) -> None:
    """db-01 rewrites the start of its pages: most of each page is what was sent before."""
    pk = fresh.migrate("db-01", "kvm-b", compression="xbzrle", bandwidth_mib=8, max_downtime_ms=1)["id"]
    assert fresh.wait_for_end(pk)["state"] == "done"
    b = lab.hosts["kvm-b"]
    said = b.virsh("domjobinfo", "db-01", "--completed", "--rawstats")
    rows = (line.partition(": ") for line in said.splitlines())
    numbers = {name: int(value) for name, _, value in rows if value.isdigit()}
    assert numbers["compression_pages"] > 20, said
    assert numbers["compression_pages"] * 4096 / numbers["compression_bytes"] > 2, said


@pytest.mark.parametrize("form", ["qcow2", "raw"])
def test_a_sparse_disk_stays_sparse(form: str, fresh: Serving, lab: Lab) -> None:
    """build-01 has written 8 of its 64 MiB."""
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    places = {"vda": {"pool": "fast", "name": "sparse", "format": form}}
    pk = fresh.migrate("build-01", "kvm-b", kind="live_storage", disks=places)["id"]
    assert fresh.wait_for_end(pk)["state"] == "done"
    used = [
        int(host.exec("stat", "-c", "%b", path)) * 512
        for host, path in ((a, f"{POOLS['local']}/build-01.qcow2"), (b, f"{POOLS['fast']}/sparse"))
    ]
    assert used[1] < used[0] + 4 * MIB, used
