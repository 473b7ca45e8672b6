"""Options that Debian 12 is too old for, seen in effect between two hosts with Debian 13 (libvirt 11.3, QEMU 10)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from lab import Lab, Wanted
from tests.lab.serving import Serving, wait_until
from tests.lab.test_newer_options import ask

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Serving]]:
    roots = {"kvm-a": "trixie", "kvm-b": "trixie"}
    made = Lab.up(Wanted(prefix=f"n{os.getpid() % 100_000}", hosts=2, profile="test", rootfs=roots, owned=True))
    serving = Serving(made, tmp_path_factory.mktemp("newest"))
    try:
        serving.prepare()
        serving.start()
        serving.register_hosts()
        for name in ("web-01", "build-01", "db-01"):
            serving.wait_for_guest(name, "kvm-a", seconds=60)
        yield made, serving
    finally:
        serving.stop()
        made.down()


@pytest.mark.parametrize(("guest", "method"), [("web-01", "zstd"), ("db-01", "zlib")])
def test_all_memory_is_compressed(guest: str, method: str, newest: tuple[Lab, Serving]) -> None:
    lab, serving = newest
    a = lab.hosts["kvm-a"]
    a.shape(8)
    try:
        pk = serving.migrate(guest, "kvm-b", compression=method, parallel_connections=2)["id"]
        serving.wait_for_copying(pk)
        assert ask(a, guest, "query-migrate-parameters")["multifd-compression"] == method
    finally:
        a.shape(None)
    ended = serving.wait_for_end(pk)
    assert ended["state"] == "done", ended


def test_zeroes_are_looked_for_in_the_copy_and_memory_has_no_limit(newest: tuple[Lab, Serving]) -> None:
    lab, serving = newest
    a, options = lab.hosts["kvm-a"], {"detect_zeroes": True, "disk_bandwidth_mib": 1}
    pk = serving.migrate("build-01", "kvm-b", kind="live_storage", **options)["id"]
    serving.wait_for_state(pk, "copying_disks")

    def nodes() -> list[dict[str, Any]]:
        return list(ask(a, "build-01", "query-named-block-nodes"))

    wait_until(lambda: any(one["detect_zeroes"] != "off" for one in nodes()), 20, "QEMU looks", lambda: str(nodes()))
    assert a.virsh("migrate-getspeed", "build-01").strip() == "1"
    ended = serving.wait_for_end(pk)
    assert ended["state"] == "done", ended
    assert "The disks are copied. Memory is not limited." in [row["text"] for row in serving.journal(pk)]
