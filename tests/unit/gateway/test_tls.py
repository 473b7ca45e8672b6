"""What is wrong with certificates is said exactly, and without kvmweb's own files nothing is tried.

Here a handshake is all that the other side can do; libvirt and QEMU are in tests/lab/test_tls.py.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hosts import gateway
from hosts.facts.contact import ContactProblem
from hosts.facts.endpoint import Endpoint, Transport
from hosts.gateway import _tls
from hosts.gateway.port import HostUnreachable
from lab.certificates import Authority, write_client
from lab.hostfiles import Signed

HERE = "127.0.0.1"
#: nobody is there, and nobody is asked
HOST = Endpoint(transport=Transport.TLS, address="192.0.2.1")


@pytest.fixture
def pki(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_tls, "place", lambda: tmp_path)
    for name in (_tls.CA, _tls.CERTIFICATE, _tls.KEY):
        (tmp_path / name).write_text("no certificate")
    return tmp_path


@pytest.mark.parametrize("name", [_tls.CA, _tls.CERTIFICATE, _tls.KEY])
def test_a_missing_file_is_named_and_no_connection_is_tried(pki: Path, name: str) -> None:
    (pki / name).unlink()
    contact = gateway.first_contact(HOST)
    assert contact.problem is ContactProblem.TLS_OWN_FILES
    assert contact.message == f"{pki / name}: No such file or directory"
    for ask in (gateway.connect, gateway.certificates):
        with pytest.raises(HostUnreachable, match=name):
            ask(HOST)


def test_files_that_are_no_certificates(pki: Path) -> None:
    with pytest.raises(_tls.TlsFailed, match=str(pki)) as failed:
        _tls.own_until(pki)
    assert failed.value.problem is ContactProblem.TLS_OWN_FILES


def run(*command: str, stdin: str | None = None) -> str:
    return subprocess.run(command, input=stdin, text=True, capture_output=True, check=True).stdout


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    """The authority that kvmweb trusts; kvmweb has a certificate of it."""
    authority = Authority(tmp_path, run, scratch=str(tmp_path))
    write_client(authority.ensure("kvmweb"), tmp_path / "pki")
    return authority


@pytest.fixture
def strange(tmp_path: Path) -> Authority:
    return Authority(tmp_path, run, "strange", scratch=str(tmp_path))


def shown(folder: Path, signed: Signed, *, trusts: str = "", welcomes: bool = True) -> int:
    """The port of a host that shows this certificate once, and asks for one of its own authority or of `trusts`."""
    for name, text in (("trusted", trusts or signed.ca), ("shown", signed.certificate), ("key", signed.key)):
        (folder / name).write_text(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "trusted")
    context.load_cert_chain(folder / "shown", folder / "key")
    listener = socket.create_server((HERE, 0))

    def answer() -> None:
        plain, _ = listener.accept()
        with listener, plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as connection:
            connection.send(b"\x01" * welcomes)

    threading.Thread(target=answer, daemon=True).start()
    return int(listener.getsockname()[1])


def test_when_certificates_expire(tmp_path: Path, ours: Authority) -> None:
    port = shown(tmp_path, ours.issue("kvm-a", [HERE], days=20))
    until = _tls.host_until(tmp_path / "pki", HERE, port, seconds=10)
    own = _tls.own_until(tmp_path / "pki")
    assert until
    assert own
    assert (until - datetime.now(UTC)).days in (19, 20)
    assert (own - datetime.now(UTC)).days > 3000


Shown = Callable[[Authority, Authority], Signed]


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        (lambda ours, _: ours.issue("kvm-a", [HERE], days=0), ContactProblem.TLS_EXPIRED),
        (lambda ours, _: ours.issue("kvm-a"), ContactProblem.TLS_NAME),
        (lambda _, strange: strange.issue("kvm-a", [HERE]), ContactProblem.TLS_UNTRUSTED),
    ],
)
def test_a_certificate_of_a_host_that_is_not_accepted(
    tmp_path: Path, ours: Authority, strange: Authority, certificate: Shown, expected: ContactProblem
) -> None:
    port = shown(tmp_path, certificate(ours, strange))
    assert _tls.problem(tmp_path / "pki", HERE, port, seconds=10) is expected


@pytest.mark.parametrize("at_the_handshake", [True, False])
def test_a_host_that_does_not_accept_kvmwebs(
    tmp_path: Path, ours: Authority, strange: Authority, at_the_handshake: bool
) -> None:
    """libvirtd judges after the handshake, and then ends the connection."""
    trusts = strange.issue("x").ca if at_the_handshake else ""
    port = shown(tmp_path, ours.issue("kvm-a", [HERE]), trusts=trusts, welcomes=at_the_handshake)
    assert _tls.problem(tmp_path / "pki", HERE, port, seconds=10) is ContactProblem.TLS_REFUSED


def test_certificates_of_kvmweb_that_cannot_be_used(tmp_path: Path, ours: Authority, strange: Authority) -> None:
    pki = tmp_path / "pki"
    trusted = (pki / "cacert.pem").read_text()
    write_client(ours.issue("kvmweb", days=0), pki)
    assert _tls.problem(pki, HERE, 1, seconds=1) is ContactProblem.TLS_OWN_EXPIRED
    other = strange.issue("kvmweb")
    write_client(Signed(ca=trusted, certificate=other.certificate, key=other.key), pki)
    assert _tls.problem(pki, HERE, 1, seconds=1) is ContactProblem.TLS_OWN_FILES


def test_what_does_not_speak_tls_has_no_certificate_to_blame(tmp_path: Path, ours: Authority) -> None:
    listener = socket.create_server((HERE, 0))
    threading.Thread(target=lambda: listener.accept()[0].send(b"SSH-2.0\r\n"), daemon=True).start()
    with listener:
        assert _tls.problem(tmp_path / "pki", HERE, listener.getsockname()[1], seconds=10) is None
