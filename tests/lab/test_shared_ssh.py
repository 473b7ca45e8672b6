"""One ssh connection per host for all questions: counted by the logins that the host's sshd let in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hosts import gateway
from hosts.facts.contact import ContactProblem
from hosts.facts.endpoint import Endpoint, Transport
from hosts.gateway import _sessions, _shared, _ssh
from hosts.gateway.port import HostUnreachable
from hosts.watcher.sharing import Sharing
from kvmweb.config import BASE_DIR
from lab import Host, Lab, node
from tests.lab.doors import Open, door, eventually, opener, own_key
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def data_dir(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Longer than the path of a socket may be."""
    folder = tmp_path_factory.mktemp("data of kvmweb") / ("long " * 20)
    folder.mkdir()
    with own_key(lab, folder):
        yield folder


@pytest.fixture
def a(lab: Lab) -> Host:
    return lab.hosts["kvm-a"]


@pytest.fixture
def shared(a: Host, data_dir: Path) -> Iterator[_shared.SharedConnections]:
    yield from sharing(a)
    eventually(lambda: not processes_of(data_dir))


@pytest.fixture
def opened() -> Iterator[Open]:
    with opener() as connect:
        yield connect


def sharing(host: Host) -> Iterator[_shared.SharedConnections]:
    made = _shared.SharedConnections(door(host, Transport.SSH))
    made.keep()
    made.wait(10)
    try:
        yield made
    finally:
        made.close()


def processes_of(data_dir: Path) -> list[int]:
    """All ssh processes that use this kvmweb's key."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if line.startswith(b"/usr/bin/ssh\0") and str(data_dir).encode() in line:
            found.append(int(entry.name))
    return found


def sshd_of(host: Host) -> set[int]:
    """What sshd started for connections: two or more processes for each."""
    return {pid for pid, name in node.members(host.state.process) if name.startswith("sshd")} - set(
        host.daemon_pids("sshd")
    )


#: a second connection, for more than 8 sessions at once, ends when it was not used for a minute
EXTRA_SECONDS = 90


def connections(host: Host) -> set[str]:
    """Who is connected to the host's sshd: address and port of the other end."""
    lines = host.exec("ss", "-H", "-n", "-t", "state", "established", "sport", "=", ":22").splitlines()
    return {line.split()[3] for line in lines}


def asks(host: Host, *, deadline: float = 10.0) -> str:
    return _sessions.run_ssh(door(host, Transport.SSH), ["hostname"], deadline=deadline).out.strip()


def folder_of(host: Host) -> Path:
    return _sessions.folder_of(_sessions.name_of(door(host, Transport.SSH)))


def taken(host: Host, number: int = 0) -> list[Path]:
    found = []
    for file in _sessions.lock_files(folder_of(host), number):
        descriptor = _sessions.lock(file)
        if descriptor is None:
            found.append(file)
        else:
            os.close(descriptor)
    return found


def test_questions_and_connections_share_one_login(a: Host, shared: _shared.SharedConnections, opened: Open) -> None:
    (mine,) = (before := connections(a))
    for _ in range(3):
        assert asks(a) == "kvm-a"
        assert connections(a) == before
    connection = opened(a, Transport.SSH)
    assert connection.guests()
    assert connection.files_exist(["/etc/hostname"]) == {"/etc/hostname": True}
    assert connections(a) == {mine}
    assert not taken(a), "libvirt needs no session"
    connection.close()
    eventually(lambda: not taken(a))


def test_the_ninth_session_has_a_second_connection(
    a: Host, shared: _shared.SharedConnections, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder_of(a) / _sessions.libvirt_socket(0)).unlink()  # as with a host that allows no forwarding
    held = [opened(a, Transport.SSH) for _ in range(8)]
    assert len(connections(a)) == 1
    assert len(taken(a)) == 8
    assert asks(a) == "kvm-a"  # by a login of its own: nobody waits for the second connection
    shared.keep()
    eventually((folder_of(a) / "1").is_socket)
    held.append(opened(a, Transport.SSH))
    eventually(lambda: len(taken(a, 1)) == 1)
    assert len(connections(a)) == 2
    monkeypatch.setattr(_shared, "_IDLE_SECONDS", 0.0)
    shared.keep()
    assert len(connections(a)) == 2, "it has a session"
    held[-1].close()
    eventually(lambda: not taken(a, 1))
    shared.keep()
    eventually(lambda: len(connections(a)) == 1)
    assert all(connection.alive() for connection in held[:-1])


def test_another_way_to_the_host_is_another_connection(a: Host, data_dir: Path) -> None:
    watch = Sharing(gateway.share_connections, deadline=10)
    root = door(a, Transport.SSH)
    watch.begin(root)
    (first,) = connections(a)
    watch.begin(root)
    assert connections(a) == {first}
    other = Endpoint(transport=Transport.SSH, address=a.address, user="root", port=22, host_key=a.host_key)
    watch.begin(other)
    eventually(lambda: len(connections(a)) == 1 and connections(a) != {first})
    assert _sessions.take(root) is None
    assert _sessions.take(replace(other, user="vmadmin")) is None
    watch.end()
    eventually(lambda: not processes_of(data_dir))
    watch.begin(root)
    assert not processes_of(data_dir), "it has ended for good"
    assert not list((data_dir / "ssh" / "shared").iterdir())


def test_another_key_of_kvmweb_is_not_let_in_by_the_old_connection(
    a: Host, shared: _shared.SharedConnections, data_dir: Path
) -> None:
    assert asks(a) == "kvm-a"
    pair = [data_dir / "ssh" / name for name in ("id_ed25519", "id_ed25519.pub")]
    kept = [file.read_bytes() for file in pair]
    for file in pair:
        file.unlink()
    try:
        with pytest.raises(HostUnreachable, match="Permission denied"):
            asks(a)
        shared.keep()
        eventually(lambda: not connections(a))
    finally:
        for file, content in zip(pair, kept, strict=True):
            file.write_bytes(content)


def test_a_connection_test_logs_in_by_itself(a: Host, shared: _shared.SharedConnections) -> None:
    assert gateway.first_contact(door(a, Transport.SSH)).problem is None
    keys = a.exec("cat", "/root/.ssh/authorized_keys")
    a.exec("cp", "/dev/null", "/root/.ssh/authorized_keys")
    try:
        assert asks(a) == "kvm-a"
        assert gateway.first_contact(door(a, Transport.SSH)).problem is ContactProblem.AUTH
    finally:
        a.exec("cp", "/dev/stdin", "/root/.ssh/authorized_keys", stdin=keys)


def test_a_connection_that_hangs_delays_no_other_host_and_is_replaced(
    lab: Lab, a: Host, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ssh, "_CONFIG", _ssh._CONFIG.replace("ServerAliveInterval 5", "ServerAliveInterval 1"))
    with ExitStack() as stack:
        both = [stack.enter_context(contextmanager(sharing)(host)) for host in lab.hosts.values()]
        stopped = sshd_of(a)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(HostUnreachable, match="did not finish within 2 s"):
                asks(a, deadline=2)
            assert asks(lab.hosts["kvm-b"], deadline=2) == "kvm-b"
            assert asks(a, deadline=5) == "kvm-a"  # by a login of its own
            assert time.monotonic() - began < 9  # as long as its own deadlines, and no longer
            (old,) = (process for process, _ in both[0]._running.values())
            eventually(lambda: old.poll() is not None, 15)
        finally:
            for pid in stopped & sshd_of(a):
                os.kill(pid, signal.SIGCONT)
        both[0]._next.clear()
        both[0].keep()
        both[0].wait(10)
        assert len(both[0]._running) == 1
        assert all(process is not old for process, _ in both[0]._running.values())


OWNER = """
import sys, time
from pathlib import Path
from hosts.facts.endpoint import Endpoint, Transport
from hosts.gateway import _shared, _ssh
_ssh._data_dir = lambda: Path(sys.argv[1])
shared = _shared.SharedConnections(
    Endpoint(transport=Transport.SSH, address=sys.argv[2], user="root", host_key=sys.argv[3])
)
shared.keep()
shared.wait(10)
print("open", flush=True)
time.sleep(60)
"""


def test_nothing_is_left_when_its_process_is_killed(a: Host, data_dir: Path) -> None:
    argv = [sys.executable, "-c", OWNER, str(data_dir), a.address, a.host_key]
    with subprocess.Popen(argv, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "open\n"
        assert len(processes_of(data_dir)) == 1
        owner.kill()
    eventually(lambda: not processes_of(data_dir))
    eventually(lambda: not connections(a))
    assert asks(a) == "kvm-a"  # what it left in its folder stops nobody
    gateway.discard_shared_connections()


def test_a_migration_goes_on_when_the_shared_connection_of_its_source_ends(kvmweb_over_ssh: Serving, lab: Lab) -> None:
    """All sessions end with it: the migration's call, who watches it, and the watcher."""
    kvmweb_over_ssh.wait_for_guest("web-01", "kvm-a")
    row = kvmweb_over_ssh.migrate("web-01", "kvm-b", bandwidth_mib=2)
    kvmweb_over_ssh.wait_for_copying(row["id"])
    (shared,) = kvmweb_over_ssh.pids("ControlMaster=yes", f" {lab.hosts['kvm-a'].address} ")
    os.kill(shared, signal.SIGKILL)
    time.sleep(1)
    lab.hosts["kvm-a"].virsh("migrate-setspeed", "web-01", "1000")
    assert kvmweb_over_ssh.wait_for_end(row["id"])["state"] == "done"
    assert len(kvmweb_over_ssh.owners(row["id"])) == 1
    kvmweb_over_ssh.wait_for_hosts()
    eventually(lambda: all(len(connections(host)) == 1 for host in lab.hosts.values()), EXTRA_SECONDS)
    lab.reset()


def test_kvmweb_has_one_connection_per_host(kvmweb_over_ssh: Serving, lab: Lab) -> None:
    def one_each() -> bool:
        return all(len(connections(host)) == 1 for host in lab.hosts.values())

    eventually(one_each, EXTRA_SECONDS)
    before = {name: connections(host) for name, host in lab.hosts.items()}
    body = {"guest": kvmweb_over_ssh.guest("web-01")["uuid"], "target": "kvm-b"}
    assert kvmweb_over_ssh.preflight(body).status == 200
    for name, host in lab.hosts.items():
        # all the questions of a check may need more than 8 sessions: then there is one more for a minute
        eventually(lambda name=name, host=host: before[name] <= connections(host) and len(connections(host)) <= 2, 10)  # type: ignore[misc]
    kvmweb_over_ssh.stop()
    eventually(lambda: not any(connections(host) for host in lab.hosts.values()))
    kvmweb_over_ssh.start()
    kvmweb_over_ssh.wait_for_hosts()
    eventually(one_each, 20)
    assert kvmweb_over_ssh.process is not None
    kvmweb_over_ssh.process.kill()
    kvmweb_over_ssh.process.wait(10)
    eventually(lambda: not any(connections(host) for host in lab.hosts.values()), 20)
    kvmweb_over_ssh.start()
    kvmweb_over_ssh.wait_for_hosts()
