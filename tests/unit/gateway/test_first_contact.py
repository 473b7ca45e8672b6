"""First contacts with real sockets on this machine that do everything but speak libvirt."""

from __future__ import annotations

import errno
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import libvirt
import pytest

from hosts.facts.contact import Contact, ContactProblem
from hosts.facts.endpoint import Endpoint, Transport
from hosts.gateway import _errors, _first_contact_child, _process, first_contact

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBe6hfsaFUyJl3YoTSjziKgmaMrjXfk71XfakuBwhUla"

pytestmark = pytest.mark.usefixtures("data_dir")
Serve = Callable[[socket.socket], None]


@contextmanager
def served(serve: Serve) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        open_ones: list[socket.socket] = []

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                open_ones.append(connection)
                threading.Thread(target=serve_one, args=(connection,), daemon=True).start()

        def serve_one(connection: socket.socket) -> None:
            with suppress(OSError):
                serve(connection)

        threading.Thread(target=run, daemon=True).start()
        yield listener.getsockname()[1]
        for connection in open_ones:
            connection.close()


def silent(connection: socket.socket) -> None:
    while connection.recv(1000):
        pass


def closes(connection: socket.socket) -> None:
    connection.close()


def http(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    connection.close()


def garbage(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"\x00\x00\x00\x20" + b"\xff" * 4000)


def greets(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    silent(connection)


def meet(transport: Transport, port: int, *, deadline: float = 6, **values: str) -> Contact:
    started = time.monotonic()
    contact = first_contact(
        Endpoint(transport=transport, address="127.0.0.1", port=port, **values),
        deadline=deadline,
    )
    assert time.monotonic() - started < deadline + 10
    assert contact.identity is None
    return contact


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.SSH])
def test_nobody_listens(transport: Transport) -> None:
    assert meet(transport, free_port(), host_key=KEY if transport is Transport.SSH else "").problem is (
        ContactProblem.REFUSED
    )


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.SSH])
def test_never_answers(transport: Transport) -> None:
    with served(silent) as port:
        contact = meet(transport, port, deadline=2.5)
    assert contact.problem is ContactProblem.TIMEOUT
    assert contact.message
    assert 1.5 < contact.seconds < 10


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.SSH])
@pytest.mark.parametrize("serve", [closes, http, garbage], ids=["closes", "http", "garbage"])
def test_another_protocol(transport: Transport, serve: Serve) -> None:
    with served(serve) as port:
        contact = meet(transport, port)
    # an HTTP server waits for the client to speak, as does ssh's for the greeting of the server
    expected = {ContactProblem.PROTOCOL} | ({ContactProblem.TIMEOUT} if serve is http else set())
    assert contact.problem in expected


def test_ssh_on_the_tcp_port() -> None:
    with served(greets) as port:
        assert meet(Transport.TCP, port).problem is ContactProblem.PROTOCOL


def test_ssh_that_hangs_after_its_greeting() -> None:
    with served(greets) as port:
        assert meet(Transport.SSH, port, deadline=3).problem is ContactProblem.TIMEOUT
        assert meet(Transport.SSH, port, deadline=3, host_key=KEY).problem is ContactProblem.TIMEOUT


def test_a_name_that_does_not_resolve() -> None:
    contact = first_contact(Endpoint(transport=Transport.TCP, address="no-such-host.invalid"), deadline=8)
    assert contact.problem in (ContactProblem.NAME, ContactProblem.TIMEOUT)


def test_no_libvirt_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In libvirt's own words, about a socket that is nowhere: this machine may run a libvirt."""
    really, nowhere = libvirt.open, f"qemu+unix:///system?socket={tmp_path}/libvirt-sock"
    monkeypatch.setattr(libvirt, "open", lambda _: really(nowhere))
    monkeypatch.setattr(_first_contact_child, "_DAEMONS", ())
    _first_contact_child._Meeting({"transport": "unix", "uri": "qemu:///system", "seconds": 5}).run()
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["problem"] == ContactProblem.NO_LIBVIRT


@pytest.mark.parametrize(
    ("code", "out", "err", "problem"),
    [
        (255, "", "root@a: Permission denied (publickey).", ContactProblem.AUTH),
        (255, "", "Received disconnect: Too many authentication failures", ContactProblem.AUTH),
        (255, "", "kex_exchange_identification: Connection closed by remote host", ContactProblem.SSH_CLOSED),
        (255, "", "Unable to negotiate with a: no matching host key type found.", ContactProblem.SSH_TERMS),
        (255, "", "Host key verification failed.", ContactProblem.HOST_KEY_CHANGED),
        (255, "", "Bad configuration option", ContactProblem.OTHER),
        (1, "This account is currently not available.\n", "", ContactProblem.AUTH),
        (None, "", "", ContactProblem.TIMEOUT),
        (0, "denied\n", "", ContactProblem.PERMISSION),
        (0, "stopped\n", "", ContactProblem.STOPPED),
        (0, "welcome\nmissing\n", "", ContactProblem.NO_LIBVIRT),
        (0, "helpless\n", "", ContactProblem.NO_HELPER),
        (0, "present\n", "", ContactProblem.OTHER),
    ],
)
def test_what_the_host_says_of_itself_by_ssh(
    code: int | None,
    out: str,
    err: str,
    problem: ContactProblem,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = _process.Finished(code=code, out=out, err=err)
    monkeypatch.setattr(_process, "run", lambda *_, **__: done)
    meeting = _first_contact_child._Meeting({"transport": "ssh", "ask": [], "seconds": 5})
    with pytest.raises(_first_contact_child._Failed) as failed:
        meeting._ask("said by libvirt")
    assert failed.value.problem is problem


@pytest.mark.parametrize("program", ["", "libvirtd"])
def test_a_socket_with_nobody_behind_it(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_first_contact_child, "_DAEMONS", (str(tmp_path / "libvirtd"),))
    if program:
        (tmp_path / program).touch()
    stopped = ContactProblem.STOPPED if program else ContactProblem.NO_LIBVIRT
    assert _first_contact_child._by_socket(errno.ENOENT) is stopped
    assert _first_contact_child._by_socket(errno.ECONNREFUSED) is ContactProblem.STOPPED
    assert _first_contact_child._by_socket(errno.EACCES) is ContactProblem.PERMISSION


@pytest.mark.parametrize("capabilities", ["<capabilities", "<other/>", "<!DOCTYPE x><capabilities/>"])
def test_capabilities_that_cannot_be_read(
    capabilities: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = SimpleNamespace(getVersion=lambda: 0, getHostname=lambda: "x", getCapabilities=lambda: capabilities)
    monkeypatch.setattr(libvirt, "open", lambda _: raw)
    question = {"transport": "unix", "uri": "qemu:///system", "seconds": 5}
    _first_contact_child._Meeting(question).run()
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["problem"] == ContactProblem.PROTOCOL
    assert "does not read" in said["message"]


class Said(libvirt.libvirtError):
    """As libvirt raises it: number, domain, the system's error number."""

    def __init__(self, code: int, domain: int = 0, number: int = 0) -> None:
        super().__init__("said by libvirt")
        self.err = (code, domain, "said by libvirt", 2, None, None, None, number, 0)


def diagnosed(error: Said, transport: str, out: str = "") -> ContactProblem:
    question = {"transport": transport, "seconds": 5, "ask": ["sh", "-c", f"echo {out}"] if out else []}
    with pytest.raises(_first_contact_child._Failed) as failed:
        _first_contact_child._Meeting(question)._diagnose(error)
    assert failed.value.message == "said by libvirt"
    return failed.value.problem


@pytest.mark.parametrize("transport", ["ssh", "tcp", "unix"])
def test_what_libvirt_says_by_its_numbers(transport: str) -> None:
    assert diagnosed(Said(_errors.NO_CONNECT), transport) is ContactProblem.NO_QEMU
    assert diagnosed(Said(_errors.NO_SUPPORT), transport) is ContactProblem.VERSION
    for code in _errors.LOGIN_CODES:
        assert diagnosed(Said(code), transport) is ContactProblem.PERMISSION


@pytest.mark.parametrize("transport", ["ssh", "unix"])
def test_an_end_of_file_is_explained_by_the_host_itself(transport: str) -> None:
    """The daemon behind a socket that systemd holds may not start; one that runs may close the connection."""
    end_of_file = Said(_errors.SYSTEM_ERROR, _errors.FROM_RPC, errno.EIO)
    assert diagnosed(end_of_file, transport, "stopped") is ContactProblem.STOPPED
    assert diagnosed(end_of_file, transport, "missing") is ContactProblem.NO_LIBVIRT
    assert diagnosed(end_of_file, transport, "present") is ContactProblem.DROPPED
    assert diagnosed(Said(_errors.INTERNAL_ERROR, _errors.FROM_QEMU), transport, "present") is ContactProblem.OTHER
    by_helper = ContactProblem.NO_HELPER if transport == "ssh" else ContactProblem.DROPPED
    assert diagnosed(end_of_file, transport, "helpless") is by_helper


def test_an_rpc_error_over_plain_tcp_is_another_protocol() -> None:
    for code in (_errors.RPC, _errors.SYSTEM_ERROR, _errors.INTERNAL_ERROR):
        assert diagnosed(Said(code, _errors.FROM_RPC), "tcp") is ContactProblem.PROTOCOL


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH])
def test_a_network_without_a_way_there(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, "No route to host")

    monkeypatch.setattr(socket, "create_connection", fail)
    question = {"transport": "ssh", "address": "192.0.2.1", "port": None, "seconds": 5, "host_key": ""}
    _first_contact_child._Meeting(question).run()
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["problem"], said["message"]) == (ContactProblem.UNREACHABLE, "No route to host")


def test_a_program_that_kvmweb_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with served(greets) as port:
        contact = meet(Transport.SSH, port)
    assert contact.problem is ContactProblem.OWN_MACHINE
    assert "ssh-keyscan is not installed" in contact.message
