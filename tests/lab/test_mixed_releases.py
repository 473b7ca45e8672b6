"""Debian 12 (libvirt 9.0, QEMU 7.2) and Debian 13 (libvirt 11.3, QEMU 10) side by side: 12 to 13, then 13 to 13."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import Lab, Wanted
from lab.guests import POOLS
from tests.lab.leftovers import assert_moved, take
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


@pytest.fixture
def mixed() -> Iterator[Lab]:
    roots = {"kvm-a": "bookworm", "kvm-b": "trixie", "kvm-c": "trixie"}
    made = Lab.up(Wanted(prefix=f"m{os.getpid() % 100_000}", hosts=3, profile="test", rootfs=roots, owned=True))
    try:
        yield made
    finally:
        made.down()


def test_a_guest_moves_from_12_to_13_and_on_to_13(mixed: Lab, tmp_path: Path) -> None:
    serving = Serving(mixed, tmp_path)
    serving.prepare()
    serving.start()
    try:
        serving.register_hosts()
        serving.wait_for_guest("web-01", "kvm-a", seconds=60)
        libvirt = {host["name"]: host["libvirt"] for host in serving.items("/hosts")}
        assert libvirt["kvm-a"].startswith("9.")
        assert libvirt["kvm-b"].startswith("11.")
        refused = serving.wait_for_end(serving.migrate("web-01", "kvm-b", post_copy=True)["id"])
        assert refused["state"] == "blocked", refused
        assert "Post-copy could not be resumed: libvirt 11.3" in refused["state_text"]
        before = take(mixed)
        first = serving.wait_for_end(serving.migrate("web-01", "kvm-b")["id"])
        assert first["state"] == "done", first
        assert_moved(mixed, before, "web-01")
        serving.wait_for_guest("web-01", "kvm-b")
        before = take(mixed)
        second = serving.wait_for_end(serving.migrate("web-01", "kvm-c")["id"])
        assert second["state"] == "done", second
        assert_moved(mixed, before, "web-01", source="kvm-b", target="kvm-c")
        mixed.hosts["kvm-a"].virsh("destroy", "build-01")
        serving.wait_for_guest("build-01", "kvm-a", "shut off")
        off = serving.wait_for_end(serving.migrate("build-01", "kvm-b", kind="offline_storage")["id"])
        assert (off["state"], off["state_text"]) == ("done", "build-01 is shut off on kvm-b."), off
    finally:
        serving.stop()


def test_disks_go_from_pool_to_pool_on_13(tmp_path: Path) -> None:
    """While the VM runs, and when it is shut off; the other tests of this are on 12."""
    wanted = Wanted(prefix=f"n{os.getpid() % 100_000}", hosts=1, profile="test", rootfs={"kvm-a": "trixie"}, owned=True)
    made = Lab.up(wanted)
    serving = Serving(made, tmp_path)
    try:
        a, fast, local = made.hosts["kvm-a"], POOLS["fast"], POOLS["local"]
        serving.prepare()
        serving.start()
        serving.register_hosts()
        serving.wait_for_guest("build-01", "kvm-a", seconds=60)
        there = {"vda": {"pool": "fast", "name": "build.raw", "format": "raw"}}
        first = serving.wait_for_end(serving.migrate("build-01", "kvm-a", kind="storage", disks=there)["id"])
        assert first["state"] == "done", first
        for flags in ((), ("--inactive",)):
            assert f"file='{fast}/build.raw'" in a.virsh("dumpxml", "build-01", *flags)
        a.virsh("destroy", "build-01")
        serving.wait_for_guest("build-01", "kvm-a", "shut off")
        back = {"vda": {"pool": "local", "name": "back.raw"}}
        second = serving.wait_for_end(serving.migrate("build-01", "kvm-a", kind="storage", disks=back)["id"])
        assert second["state"] == "done", second
        a.exec("cmp", f"{fast}/build.raw", f"{local}/back.raw")
        a.virsh("start", "build-01")
        assert f"file='{local}/back.raw'" in a.virsh("dumpxml", "build-01")
    finally:
        serving.stop()
        made.down()
