"""Options that a user may choose, seen in effect: on the destination's sockets, and in what QEMU on the source says."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest

from lab import Lab
from lab.host import Host
from tests.lab.leftovers import assert_moved, take
from tests.lab.serving import Serving, wait_until
from tests.lab.test_migration import SLOW, hurry

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
ESTABLISHED, LISTEN = "01", "0A"
#: libvirt's first port for a migration
PORT = 49152


def sockets(host: Host, state: str) -> list[str]:
    """The host's own addresses of the sockets that carry a migration."""
    rows = [line.split() for line in host.exec("cat", "/proc/net/tcp").splitlines()[1:]]
    own = [row[1].split(":") for row in rows if row[3] == state]
    return [_address(address) for address, port in own if PORT <= int(port, 16) < PORT + 64]


def _address(number: str) -> str:
    return str(ipaddress.IPv4Address(bytes.fromhex(number)[::-1]))


def ask(host: Host, guest: str, command: str) -> Any:
    """QEMU's own answer."""
    return json.loads(host.virsh("qemu-monitor-command", guest, json.dumps({"execute": command})))["return"]


def test_memory_takes_several_connections_to_the_address_that_listens(fresh: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    before = take(lab)
    a.shape(8)
    try:
        options = {"parallel_connections": 3, "listen_address": b.migration_address}
        pk = fresh.migrate("web-01", "kvm-b", migration_address=b.migration_address, **options)["id"]
        fresh.wait_for_copying(pk)
        # and one for the rest of the VM's state
        wait_until(lambda: len(sockets(b, ESTABLISHED)) == 4, 20, "there are 3 and 1 connections")
        assert {*sockets(b, ESTABLISHED), *sockets(b, LISTEN)} == {b.migration_address}
        assert ask(a, "web-01", "query-migrate-parameters")["multifd-channels"] == 3
    finally:
        a.shape(None)
    assert fresh.wait_for_end(pk)["state"] == "done"
    assert_moved(lab, before, "web-01")


def test_compression_and_convergence_are_as_they_were_chosen(fresh: Serving, lab: Lab) -> None:
    a = lab.hosts["kvm-a"]
    before = take(lab)
    chosen = {"compression": "xbzrle", "xbzrle_cache_mib": 32, "auto_converge": True, "auto_converge_initial": 37}
    pk = fresh.migrate("web-01", "kvm-b", auto_converge_increment=11, **chosen, **SLOW)["id"]
    fresh.wait_for_copying(pk)
    assert "32.000 MiB" in a.virsh("migrate-compcache", "web-01")
    parameters = ask(a, "web-01", "query-migrate-parameters")
    assert (parameters["cpu-throttle-initial"], parameters["cpu-throttle-increment"]) == (37, 11)
    on = {row["capability"] for row in ask(a, "web-01", "query-migrate-capabilities") if row["state"]}
    assert {"xbzrle", "auto-converge"} <= on
    hurry(lab, "web-01")
    assert fresh.wait_for_end(pk)["state"] == "done"
    assert_moved(lab, before, "web-01")


def test_what_these_hosts_cannot_do_is_a_blocker_and_never_tried(fresh: Serving, lab: Lab) -> None:
    uuid = fresh.guest("build-01")["uuid"]
    options = {"detect_zeroes": True, "sync_writes": True, "compression": "zstd", "parallel_connections": 2}
    options |= {"migration_address": lab.hosts["kvm-a"].migration_address}
    body = {"guest": uuid, "target": "kvm-b", "kind": "live_storage", "options": options}
    findings = fresh.preflight(body).body["findings"]
    said = [one["summary"] for one in findings if one["check"] == "option_conflicts"]
    assert len(said) == 2, said
    assert "needs libvirt 9.4.0 or later on both hosts; kvm-a has libvirt 9.0.0 and kvm-b has libvirt 9.0.0" in said[0]
    assert "needs libvirt 10.9.0 or later" in said[1]
    # memory is sent to no other host
    assert "migration_address" in {one["check"] for one in findings if one["severity"] == "blocker"}


def test_disks_are_copied_with_writes_to_both_hosts(fresh: Serving, lab: Lab) -> None:
    before = take(lab)
    b = lab.hosts["kvm-b"]
    options = {"sync_writes": True, "migration_address": b.address}
    ended = fresh.wait_for_end(fresh.migrate("build-01", "kvm-b", kind="live_storage", **options)["id"], seconds=180)
    assert ended["state"] == "done", ended
    assert_moved(lab, before, "build-01", copied=["local/build-01.qcow2"])
