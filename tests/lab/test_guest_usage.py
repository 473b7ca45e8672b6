"""CPU, memory and addresses of real guests arrive in the rows."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from hosts.facts.endpoint import Endpoint, Transport
from hosts.gateway import connect
from hosts.gateway.port import GatewayError, HostConnection
from lab.host import Host
from lab.state import GuestSpec
from tests.lab.test_watcher import WatchedLab, shows, watched

pytestmark = pytest.mark.lab
__all__ = ["watched"]

NETWORK = """<network><name>leases</name><bridge name='virbr78'/><ip address='192.168.178.1' netmask='255.255.255.0'>
<dhcp><range start='192.168.178.10' end='192.168.178.20'/></dhcp></ip></network>"""


def _row(watched: WatchedLab, name: str) -> tuple[Any, ...]:
    columns = "s.cpu_percent, s.memory_used_kib, s.addresses"
    (row,) = watched.rows(
        f"select {columns} from hosts_sighting s join hosts_guest g on g.uuid = s.guest_id where g.name = ?", name
    )
    return tuple(row)


def test_cpu_and_memory_of_running_guests_arrive_from_both_hosts(watched: WatchedLab) -> None:
    for host in ("kvm-a", "kvm-b"):
        watched.lab.define_guest(host, GuestSpec(name=f"busy-{host}", host=host, storage=""))
    for host in ("kvm-a", "kvm-b"):
        shows(lambda host=host: _row(watched, f"busy-{host}")[0] is not None, within=70)  # type: ignore[misc]
        percent, memory, _ = _row(watched, f"busy-{host}")
        assert 0 < percent < 200
        assert 8 * 1024 < memory < 2 * 1024 * 1024  # what QEMU holds: the guest has 96 MiB


def test_a_stuck_guest_hides_the_numbers_of_its_host_and_holds_up_nothing_else(watched: WatchedLab) -> None:
    """A stopped QEMU does not answer its monitor, which the numbers come from."""
    host = watched.lab.hosts["kvm-a"]
    watched.lab.define_guest("kvm-a", GuestSpec(name="stuck", host="kvm-a", storage=""))
    connection = connect(Endpoint(transport=Transport.TCP, address=host.address), deadline=4.0)
    (pid,) = host.qemus_of(host.virsh("domuuid", "stuck").strip())
    try:
        assert any(one.memory_used_kib for one in connection.usage())
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(GatewayError) as hanging:
            connection.usage()
        assert hanging.value.unanswered
        started = time.monotonic()
        assert "stuck" in {guest.name for guest in connection.guests()}
        with pytest.raises(GatewayError):
            connection.usage()  # still owed: not asked a second time
        assert time.monotonic() - started < 3.5  # not even one deadline
        os.kill(pid, signal.SIGCONT)
        shows(lambda: _numbers(connection))
    finally:
        os.kill(pid, signal.SIGCONT)
        connection.close()


def _numbers(connection: HostConnection) -> bool:
    try:
        return any(one.memory_used_kib for one in connection.usage())
    except GatewayError:
        return False


@pytest.fixture
def lending(watched: WatchedLab) -> Iterator[Host]:
    host = watched.lab.hosts["kvm-a"]
    host.exec("tee", "/tmp/leases-net.xml", stdin=NETWORK)
    host.virsh("net-create", "/tmp/leases-net.xml")
    yield host
    host.virsh("net-destroy", "leases")


def test_an_address_that_a_network_lent_arrives(watched: WatchedLab, lending: Host) -> None:
    """The lab's guests have no DHCP client: the lease is written where libvirt's own helper writes it."""
    watched.lab.define_guest("kvm-a", GuestSpec(name="lodger", host="kvm-a", storage=""))
    shows(lambda: watched.state("lodger", "kvm-a") == "running")
    (mac,) = {word for word in lending.virsh("domiflist", "lodger").split() if word.count(":") == 5}
    lease = {"ip-address": "192.168.178.12", "mac-address": mac, "hostname": "lodger", "expiry-time": 4_000_000_000}
    lending.exec("tee", "/var/lib/libvirt/dnsmasq/virbr78.status", stdin=json.dumps([lease]))
    endpoint = Endpoint(transport=Transport.TCP, address=lending.address)
    connection = connect(endpoint, deadline=8.0)
    try:
        assert [(one.mac, one.address) for one in connection.leases()] == [(mac, "192.168.178.12")]
    finally:
        connection.close()
    shows(lambda: "192.168.178.12" in str(_row(watched, "lodger")[2]), within=70)
