"""Sessions on shared connections, without ssh: whose they are, and who has to go without."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote

import pytest

from hosts.facts.endpoint import Endpoint, Transport
from hosts.gateway import _connection, _process, _sessions, _shared, _ssh
from hosts.gateway.port import HostUnreachable
from tests.unit.gateway.test_ssh import KEY, endpoint


@pytest.fixture
def folder(data_dir: Path) -> Path:
    _sessions._doubts.clear()
    made = _sessions.folder_of(_sessions.name_of(endpoint()))
    made.mkdir(parents=True)
    connection(made, 0)
    return made


def connection(folder: Path, number: int) -> None:
    """What a watcher leaves there: a socket, here one that nobody serves."""
    here = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(str(number))
    finally:
        os.fchdir(here)
        os.close(here)
    for file in _sessions.lock_files(folder, number):
        file.touch()


def taken() -> _sessions.Session:
    session = _sessions.take(endpoint())
    assert session is not None
    return session


def test_eight_sessions_then_a_second_connection(folder: Path) -> None:
    full = folder / _sessions.FULL
    held = [taken() for _ in range(7)]
    assert not full.exists()
    held.append(taken())
    assert full.exists(), "the next one would find nothing"
    assert _sessions.take(endpoint()) is None
    connection(folder, 1)
    assert taken().program == _sessions.program(folder, 1)
    held[3].free()
    assert taken().program == _sessions.program(folder, 0)


def test_a_session_is_free_when_its_process_is_gone(folder: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from urllib.parse import unquote
from hosts.gateway import _sessions
held = [_sessions.lock(file) for file in _sessions.lock_files(Path(sys.argv[1]), 0)]
print(None in held, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "False\n"
        assert _sessions.take(endpoint()) is None
        other.kill()
    assert taken()


@pytest.mark.parametrize(
    "other",
    [
        endpoint(address="192.0.2.2"),
        endpoint(user="root"),
        endpoint(port=2222),
        endpoint(host_key=KEY.replace("IBe6", "IBe7")),
    ],
    ids=["address", "user", "port", "host key"],
)
def test_another_way_to_the_host_has_no_session_there(folder: Path, other: Endpoint) -> None:
    assert _sessions.take(other) is None
    assert taken()


def test_another_key_of_kvmweb_has_no_session_there(folder: Path, data_dir: Path) -> None:
    for file in (data_dir / "ssh").glob("id_ed25519*"):
        file.unlink()
    assert _sessions.take(endpoint()) is None


def test_nobody_waits_behind_a_session_that_is_late(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sessions, "_LATE_SECONDS", 0.05)
    with taken().waiting():
        assert _sessions.take(endpoint()) is not None
        time.sleep(0.1)
        assert _sessions.take(endpoint()) is None
    assert _sessions.take(endpoint()) is not None


def test_a_session_that_never_answered_is_avoided_for_a_while(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sessions, "_AVOID_SECONDS", 0.3)
    program = _sessions.program(folder, 0)
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o700)
    with pytest.raises(HostUnreachable, match="did not finish"):
        _sessions.run_ssh(endpoint(), ["true"], deadline=0.2)
    time.sleep(0.01)
    assert _sessions.take(endpoint()) is None
    time.sleep(0.5)
    assert _sessions.take(endpoint()) is not None


def test_a_question_that_loses_its_connection_is_asked_again_by_a_login(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def run(argv: list[str], *, deadline: float) -> _process.Finished:
        asked.append(argv[0])
        code = _ssh.SSH_FAILED if argv[0].startswith(str(folder)) else 0
        return _process.Finished(code=code, out="", err="")

    monkeypatch.setattr(_process, "run", run)
    assert _sessions.run_ssh(endpoint(), ["true"], deadline=1).code == 0
    assert asked == [str(_sessions.program(folder, 0)), _ssh._program("ssh")]


def test_the_program_of_a_session_works_in_any_folder(folder: Path, data_dir: Path) -> None:
    program = _sessions.program(folder, 0)
    _ssh.write_program(program, endpoint(), folder=folder, socket=0)
    options = dict(line.split(" ", 1) for line in _said(program).splitlines() if " " in line)
    assert options["controlpath"] == "./0"
    assert options["controlmaster"] == "false"
    assert options["identityfile"] == str(data_dir / "ssh" / "id_ed25519")
    assert f"cd {shlex.quote(str(folder))} &&" in program.read_text()


def _said(program: Path) -> str:
    return subprocess.run([str(program), "-G", "192.0.2.1"], capture_output=True, text=True, check=True).stdout


def test_libvirt_that_is_away_costs_no_login(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection of its own is made only when the shared one has ended."""
    opened: list[str] = []

    def unreachable(uri: str) -> None:
        opened.append(uri)
        raise HostUnreachable("no libvirtd")

    monkeypatch.setattr(_connection, "_open", unreachable)
    with pytest.raises(HostUnreachable):
        _connection._open_shared(endpoint())
    (folder / "0").rename(folder / "gone")
    monkeypatch.setattr(_sessions, "take", lambda _: _sessions.Session(_sessions.program(folder, 0), os.dup(0), "x"))
    assert _connection._open_shared(endpoint()) is None
    assert len(opened) == 2


def test_only_ssh_has_sessions(data_dir: Path) -> None:
    assert _connection._open_shared(Endpoint(transport=Transport.TCP, address="192.0.2.1")) is None


def test_a_host_that_does_not_let_kvmweb_in_costs_one_attempt_in_ten_seconds(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    def shared(endpoint: Endpoint, *, socket: int, libvirt: str) -> list[str]:
        started.append([endpoint.address])
        return ["false"]

    monkeypatch.setattr(_ssh, "shared", shared)
    connections = _shared.SharedConnections(endpoint())
    for _ in range(5):
        connections.keep()
        connections.wait(1)
    assert len(started) == 1
    connections.close()
    connections.keep()
    assert len(started) == 1
    assert not list((data_dir / "ssh" / "shared").iterdir())


@pytest.mark.parametrize("forwarded", [True, False], ids=["forwarded", "not allowed by the host"])
def test_libvirt_is_reached_by_the_forwarded_socket_or_by_a_session(
    folder: Path, monkeypatch: pytest.MonkeyPatch, forwarded: bool
) -> None:
    opened: list[str] = []

    def answers(uri: str) -> str:
        opened.append(uri)
        if "socket=" not in uri:
            return "by a session"
        if not forwarded:
            raise HostUnreachable("End of file while reading data")
        assert Path(unquote(uri.partition("socket=")[2])).is_socket()
        return "by the socket"

    (folder / "0").rename(folder / _sessions.libvirt_socket(0))
    connection(folder, 0)
    monkeypatch.setattr(_connection, "_open", answers)
    monkeypatch.setattr(_connection, "_open_session", lambda _: answers("session"))
    assert _connection._open_shared(endpoint()) == ("by the socket" if forwarded else "by a session")
    assert len(opened) == (1 if forwarded else 2)


def test_the_forwarded_socket_is_avoided_like_a_session(folder: Path) -> None:
    (folder / "0").rename(folder / _sessions.libvirt_socket(0))
    connection(folder, 0)
    with _sessions.to_libvirt(endpoint()) as found:
        assert found is not None
    taken().avoid()
    time.sleep(0.01)
    with _sessions.to_libvirt(endpoint()) as found:
        assert found is None
