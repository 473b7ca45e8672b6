"""The gateway against real libvirt, by TCP and by ssh: inventory, first contacts, hosts that hang or end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosts import gateway
from hosts.facts.contact import ContactProblem
from hosts.facts.endpoint import Endpoint, PeerEndpoint, Transport
from hosts.facts.guest import GuestLook, JobKind, RunState, RuntimeSettings
from hosts.facts.storage import VolumeSpec
from hosts.gateway.port import EventKind, GatewayError, GuestMissing, HostEvent, HostUnreachable, PeerResult, Refused
from lab import Host, Lab
from tests.lab import wire
from tests.lab.doors import Open, door, eventually, opener, own_key, uuid_of

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "00000000-0000-4000-8000-000000000001"


@pytest.fixture(scope="module", autouse=True)
def ssh_key(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with own_key(lab, tmp_path_factory.mktemp("gateway data")):
        yield


@pytest.fixture
def a(lab: Lab) -> Host:
    return lab.hosts["kvm-a"]


@pytest.fixture
def b(lab: Lab) -> Host:
    return lab.hosts["kvm-b"]


@pytest.fixture
def opened() -> Iterator[Open]:
    with opener() as connect:
        yield connect


ASK = """
from hosts import gateway
from hosts.facts.endpoint import Endpoint, Transport
here = Endpoint(transport=Transport.UNIX)
print(gateway.first_contact(here, deadline=8).identity.uuid, len(gateway.connect(here, deadline=8).guests()))
"""


def test_the_local_socket(a: Host) -> None:
    """As kvmweb on the host itself would open it: in a /run of its own that has the host's libvirt in it."""
    inside = 'mount -t tmpfs none /run; ln -s "$1" /run/libvirt; exec "$2" -c "$3"'
    own_run = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", inside, "sh"]
    sockets = f"/proc/{a.state.process.pid}/root/run/libvirt"
    done = subprocess.run(
        [*own_run, sockets, sys.executable, ASK], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == [a.uuid, str(len(a.domains()))], done.stderr


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.SSH])
def test_inventory(lab: Lab, a: Host, opened: Open, transport: Transport) -> None:
    connection = opened(a, transport)
    identity = connection.identity()
    assert (identity.hostname, identity.uuid) == ("kvm-a", a.uuid)
    assert identity.libvirt >= 9_000_000
    assert identity.qemu >= 7_002_000
    assert connection.capabilities().host_uuid == a.uuid
    memory = connection.memory()
    assert memory.total_kib > memory.free_kib > 0
    guests = {guest.name: guest for guest in connection.guests()}
    assert {guest.uuid: guest.name for guest in guests.values()} == a.domains()
    assert guests["web-01"].state is RunState.RUNNING
    assert guests["old-01"].state is RunState.SHUTOFF
    pools = {pool.name: pool for pool in connection.pools()}
    assert pools["testvms"].type == ("netfs" if lab.state.shared_storage == "glusterfs" else "dir")
    assert pools["testvms"].active
    assert pools["testvms"].capacity > 0
    networks = {network.name: network for network in connection.networks()}
    assert networks["isolated"].active
    bridges = {found.name: found for found in connection.interfaces() if found.is_bridge}
    assert bridges["br1"].active
    assert bridges[networks["isolated"].bridge].active or not bridges[networks["isolated"].bridge].certain


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.SSH])
def test_a_guest(a: Host, opened: Open, transport: Transport) -> None:
    connection = opened(a, transport)
    uuid = uuid_of(a, "web-01")
    details = connection.guest_details(uuid)
    assert details.persistent
    assert details.live is not None
    assert details.live.cpu.model
    assert details.xml.startswith("<domain")
    (disk,) = details.definition.disks
    volume = connection.volume_at(disk.path)
    assert volume is not None
    assert (volume.pool, volume.capacity) == ("testvms", connection.disks.virtual_size(uuid, disk.target))
    assert connection.volume_at(f"{disk.path}-not") is None
    assert volume in connection.volumes("testvms")
    assert connection.block_jobs(uuid, [disk.target]) == ()
    assert connection.runtime_settings(uuid) == RuntimeSettings()
    look = connection.look(uuid)
    assert (look.answered, look.runs, look.persistent, look.job) == (True, True, True, JobKind.NONE)
    assert connection.job(uuid) is None
    off = connection.look(uuid_of(a, "old-01"))
    assert (off.present, off.active, off.job) == (True, False, JobKind.NONE)
    found = connection.find_guest(name="web-01")
    assert found is not None
    assert (found.uuid, found.vcpus) == (uuid, 1)
    files = connection.files_exist(
        [disk.path, f"{disk.path}-not", details.definition.boot.kernel, "/nope/x", "relative"]
    )
    by_ssh = transport is Transport.SSH
    assert list(files.values()) == [
        True,
        False if by_ssh else None,
        True if by_ssh else files[details.definition.boot.kernel],
        *((False, None) if by_ssh else (None, None)),
    ]
    caps = connection.domain_capabilities(
        emulator=details.definition.emulator, arch="x86_64", machine=details.live.machine, virt_type="qemu"
    )
    assert "qemu64" in caps.cpu_modes["custom"].models


def test_what_is_not_there(a: Host, opened: Open) -> None:
    connection = opened(a)
    assert connection.look(NOBODY) == GuestLook(answered=True, present=False)
    assert connection.find_guest(name="no-such") is None
    for question in (connection.guest_details, connection.job, connection.finished_job, connection.abort):
        with pytest.raises(GuestMissing):
            question(NOBODY)
    with pytest.raises(Refused):
        connection.volumes("no-such")
    assert connection.alive()


def test_a_user_who_may_not_look_everywhere(a: Host, opened: Open) -> None:
    connection = opened(a, Transport.SSH, user="vmadmin")
    assert connection.files_exist(["/etc/passwd", "/root/x/y", "/no/x"]) == {
        "/etc/passwd": True,
        "/root/x/y": None,
        "/no/x": False,
    }


def test_volumes_are_made_sparse_and_deleted(b: Host, opened: Open) -> None:
    connection = opened(b)
    spec = VolumeSpec(pool="local", name="made up & <odd>.qcow2", format="qcow2", capacity=100_000_768)
    made = connection.create_volume(spec)
    try:
        assert (made.capacity, made.format) == (100_000_768, "qcow2")
        assert made.allocation < 1_000_000
        assert connection.volume_at(made.path) is not None
        with pytest.raises(GatewayError):
            connection.create_volume(spec)
    finally:
        connection.delete_volume("local", spec.name)
    assert connection.volume_at(made.path) is None


def test_a_size_that_libvirt_would_round_is_refused(b: Host, opened: Open) -> None:
    connection = opened(b)
    before = connection.volumes("local")
    with pytest.raises(GatewayError, match="100000768"):
        connection.create_volume(VolumeSpec(pool="local", name="odd.qcow2", format="qcow2", capacity=100_000_256))
    assert connection.volumes("local") == before


def test_a_volume_that_libvirt_has_not_noticed_yet(b: Host, opened: Open) -> None:
    path = "/var/lib/libvirt/testvms/unnoticed.img"
    by_tcp, by_ssh = opened(b), opened(b, Transport.SSH)
    b.exec("truncate", "-s", "1M", path)
    try:
        assert by_tcp.files_exist([path]) == {path: None}  # asking changes nothing: no refresh
        assert by_ssh.files_exist([path]) == {path: True}
        b.virsh("pool-refresh", "testvms")
        assert by_tcp.files_exist([path]) == {path: True}
    finally:
        b.exec("rm", path)
        b.virsh("pool-refresh", "testvms")
    assert by_tcp.files_exist([path]) == {path: None}
    assert by_ssh.files_exist([path]) == {path: False}


def test_events(a: Host, opened: Open) -> None:
    connection = opened(a)
    heard: list[HostEvent] = []
    connection.listen(heard.append)
    a.virsh("start", "old-01")
    a.virsh("destroy", "old-01")
    a.virsh("desc", "old-01", "--title", "changed")
    a.virsh("net-destroy", "isolated")
    a.virsh("net-start", "isolated")
    a.virsh("pool-refresh", "local")
    eventually(lambda: any(event.kind is EventKind.POOL for event in heard))
    said = [(event.kind, event.name, event.detail) for event in heard]
    for expected in (
        (EventKind.GUEST, "old-01", "started"),
        (EventKind.GUEST, "old-01", "stopped"),
        (EventKind.NETWORK, "isolated", "stopped"),
        (EventKind.NETWORK, "isolated", "started"),
    ):
        assert expected in said
    assert heard[0].uuid == uuid_of(a, "old-01")
    count = len(heard)
    connection.close()
    a.virsh("pool-refresh", "local")
    assert len(heard) == count


def test_first_contacts(a: Host, b: Host) -> None:
    met = gateway.first_contact(door(a))
    assert (met.problem, met.identity and met.identity.uuid) == (None, a.uuid)
    new = gateway.first_contact(Endpoint(transport=Transport.SSH, address=a.address, user="root"))
    assert (new.problem, new.host_key) == (ContactProblem.HOST_KEY_UNKNOWN, a.host_key)
    assert new.fingerprint.startswith("SHA256:")
    met = gateway.first_contact(door(a, Transport.SSH))
    assert (met.problem, met.host_key) == (None, a.host_key)
    other = gateway.first_contact(door(a, Transport.SSH, host_key=b.host_key))
    assert (other.problem, other.host_key) == (ContactProblem.HOST_KEY_CHANGED, a.host_key)
    for user, problem in (
        ("vmadmin", None),
        ("outsider", ContactProblem.PERMISSION),
        ("nobody", ContactProblem.AUTH),
    ):
        assert gateway.first_contact(door(a, Transport.SSH, user=user)).problem is problem
    swapped = Endpoint(transport=Transport.TCP, address=a.address, port=22)
    assert gateway.first_contact(swapped).problem is ContactProblem.PROTOCOL


def test_a_frozen_libvirtd(a: Host, b: Host, opened: Open) -> None:
    source, target = opened(a, deadline=3), opened(b, deadline=1.5)
    uuid = uuid_of(a, "web-01")
    b.stop_daemon("libvirtd")
    try:
        started = time.monotonic()
        look = target.look(uuid)
        assert not look.answered
        assert look.error
        assert not target.alive()
        assert time.monotonic() - started < 60  # it ends; how soon depends on the machine
        for _ in range(2):
            with pytest.raises(HostUnreachable):
                gateway.connect(door(b), deadline=1.5)
        met = gateway.first_contact(door(b), deadline=2)
        assert met.problem is ContactProblem.TIMEOUT
        probe = source.probe_peer(uuid, PeerEndpoint(transport=Transport.TCP, address=b.address), deadline=2)
        assert probe.result is PeerResult.UNKNOWN
        assert source.look(uuid).job is JobKind.MIGRATION_OUT  # libvirtd there still tries
        started = time.monotonic()
        target.close()
        assert time.monotonic() - started < 15
    finally:
        b.cont_daemon("libvirtd")
    eventually(lambda: source.look(uuid).job is JobKind.NONE, 60)
    assert opened(b).look(NOBODY) == GuestLook(answered=True, present=False)


def test_a_killed_libvirtd(b: Host, opened: Open) -> None:
    connection = opened(b)
    heard: list[HostEvent] = []
    connection.listen(heard.append)
    b.kill_daemon("libvirtd")
    try:
        eventually(lambda: not connection.alive())
        eventually(lambda: [event.kind for event in heard] == [EventKind.CLOSED])
        with pytest.raises(HostUnreachable):
            connection.guests()
        with pytest.raises(HostUnreachable):
            gateway.connect(door(b))
    finally:
        b.start_daemon("libvirtd")
    assert opened(b).guests() is not None


def test_a_probe_stream(a: Host, b: Host, opened: Open) -> None:
    """From host to host, by what Debian's QEMU brings, as a user who is not root."""
    source, target = (
        opened(host, Transport.SSH, deadline=gateway.PATH_RATE_SECONDS, user="vmadmin") for host in (a, b)
    )
    with pytest.raises(GatewayError, match="registered by ssh"):
        gateway.path_rate(opened(a), target, b.migration_address)
    ports, before = b.listening_ports(), wire.sent(a)
    a.shape(80)
    try:
        carried = gateway.path_rate(source, target, b.migration_address)
    finally:
        a.shape(None)
    assert 5_000_000 < carried < 11_500_000  # 80 Mbit/s; less where the machine has too much to do
    assert wire.sent(a) - before > 2 * carried * 0.8  # nothing was left out on the way
    eventually(lambda: b.listening_ports() == ports)
    with pytest.raises(GatewayError, match="could not take in a probe stream: qemu-nbd"):
        gateway.path_rate(source, target, a.migration_address)  # not an address of the destination


NVRAM = "/var/lib/libvirt/images/uefi-01_VARS.fd"
UEFI_XML = f"""<domain type='qemu'><name>uefi-01</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type><loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
<nvram>{NVRAM}</nvram></os><features><acpi/></features></domain>"""


def test_a_definition_is_removed_and_the_uefi_variables_stay(a: Host, opened: Open) -> None:
    connection = opened(a)
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=UEFI_XML)
    a.exec("truncate", "-s", "1M", NVRAM)
    try:
        uuid = uuid_of(a, "uefi-01")
        connection.definition.undefine(uuid)
        assert connection.find_guest(uuid=uuid) is None
        a.exec("test", "-f", NVRAM)
        with pytest.raises(GuestMissing):
            connection.definition.undefine(uuid)
    finally:
        a.exec("rm", "-f", NVRAM)
    with pytest.raises(Refused, match="not shut off"):
        connection.definition.undefine(uuid_of(a, "web-01"))
    assert connection.look(uuid_of(a, "web-01")).persistent
