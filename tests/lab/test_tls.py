"""TLS: kvmweb's own connections, the hosts' among each other, and what is on the wire while memory is sent.

Certificates that are refused are put in place by these tests, one after the other; each puts the good ones back.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hosts import gateway
from hosts.facts.contact import ContactProblem
from hosts.facts.endpoint import Endpoint, PeerEndpoint, Transport
from hosts.gateway import _tls
from hosts.gateway.port import HostUnreachable, PeerResult
from hosts.words.contact import explain
from lab import CommandFailed, GuestSpec, Host, Lab
from lab.certificates import of, write_client
from lab.hostfiles import Signed
from migrations_app.domain.preflight.checks.tls_copies import FIXED
from tests.lab.doors import Moving, Open, opener, uuid_of
from tests.lab.serving import Serving, wait_until
from tests.lab.shown_certificate import Show, shown
from tests.lab.wire import MIB, captured

__all__ = ["shown"]
pytestmark = pytest.mark.lab

A, B = "kvm-a", "kvm-b"
QEMU = "/etc/pki/qemu"
#: the guest has it in its memory: it is its name
CANARY = "canary-5d1f0c7e9b24"


def by_tls(host: Host) -> Endpoint:
    return Endpoint(transport=Transport.TLS, address=host.address)


@pytest.fixture(scope="module", autouse=True)
def at_home(lab: Lab) -> Iterator[None]:
    lab.reset()
    yield
    lab.reset()


@pytest.fixture
def pki(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """kvmweb's files."""
    folder = tmp_path / "pki"
    write_client(of(lab.state).ensure("kvmweb"), folder)
    monkeypatch.setattr(_tls, "place", lambda: folder)
    return folder


@pytest.fixture
def opened() -> Iterator[Open]:
    with opener() as connect:
        yield connect


def test_kvmweb_and_hosts_connect_with_certificates(lab: Lab, pki: Path, opened: Open) -> None:
    a, b = lab.hosts[A], lab.hosts[B]
    contact = gateway.first_contact(by_tls(a))
    assert contact.problem is None, contact
    connection = opened(a, Transport.TLS)
    assert connection.identity().uuid == a.uuid
    seen = gateway.certificates(by_tls(a))
    assert seen.own
    assert seen.host
    assert (seen.host - datetime.now(UTC)).days > 3000
    peer = PeerEndpoint(transport=Transport.TLS, address=b.name)
    probe = connection.probe_peer(uuid_of(a, "web-01"), peer, deadline=10)
    assert probe.result is PeerResult.REACHED, probe


def refused(host: Host) -> tuple[ContactProblem | None, str, str]:
    """(why, the sentence, the details)"""
    contact = gateway.first_contact(by_tls(host))
    said = explain(contact, by_tls(host))
    return contact.problem, said.message, said.details


def test_a_missing_key_of_kvmweb_is_not_passed_over(lab: Lab, pki: Path) -> None:
    (pki / "clientkey.pem").unlink()
    problem, _, details = refused(lab.hosts[A])
    assert problem is ContactProblem.TLS_OWN_FILES
    assert details == f"{pki}/clientkey.pem: No such file or directory"
    with pytest.raises(HostUnreachable, match=r"clientkey\.pem"):
        gateway.connect(by_tls(lab.hosts[A]))


def test_certificates_of_kvmweb_that_are_refused(lab: Lab, pki: Path) -> None:
    write_client(of(lab.state).issue("kvmweb", days=0), pki)
    problem, _, details = refused(lab.hosts[A])
    assert problem is ContactProblem.TLS_OWN_EXPIRED
    assert "clientcert.pem has expired" in details, "libvirt's own sentence"
    other = of(lab.state, "other").issue("kvmweb")
    ours = (pki / "cacert.pem").read_text()
    write_client(Signed(ca=ours, certificate=other.certificate, key=other.key), pki)
    assert refused(lab.hosts[A])[0] is ContactProblem.TLS_OWN_FILES
    write_client(Signed(ca=ours + other.ca, certificate=other.certificate, key=other.key), pki)
    assert refused(lab.hosts[A])[0] is ContactProblem.TLS_REFUSED


def test_certificates_of_a_host_that_are_refused(lab: Lab, pki: Path, shown: Show) -> None:
    host = lab.hosts[A]
    shown(of(lab.state).issue("another-host"))
    problem, message, details = refused(host)
    assert problem is ContactProblem.TLS_NAME
    assert message == f"The certificate of {host.address} is not for {host.address}."
    assert details
    write_client(of(lab.state, "other").ensure("kvmweb"), pki)
    assert refused(host)[0] is ContactProblem.TLS_UNTRUSTED


def test_a_certificate_of_a_host_that_expires_while_libvirtd_runs(lab: Lab, pki: Path, shown: Show) -> None:
    """libvirtd loads none that has expired, and goes on showing one that does."""
    host = lab.hosts[A]
    for seconds in (3, 20):  # the second on a machine that is busy
        try:
            shown(of(lab.state).issue(A, [host.address], seconds=seconds))
            break
        except CommandFailed as failed:
            assert "expired" in failed.output
    wait_until(lambda: refused(host)[0] is not None, 30, "it has expired")
    problem, message, details = refused(host)
    assert problem is ContactProblem.TLS_EXPIRED
    assert message == f"The certificate of {host.address} has expired, or is not valid yet."
    assert "certificate" in details, "libvirt's own sentence"
    with pytest.raises(HostUnreachable, match="certificate"):
        gateway.connect(by_tls(host))


def moved(opened: Open, source: Host, target: Host, name: str, **options: object) -> str:
    """What libvirt said when it ended: "" is success."""
    moving = Moving(opened, source, target, name, bandwidth_mib=40, **options)
    moving.end()
    return moving.error.message if moving.error else ""


def test_memory_is_on_the_wire_without_tls_and_not_with_it(lab: Lab, opened: Open) -> None:
    a, b = lab.hosts[A], lab.hosts[B]
    lab.define_guest(A, GuestSpec(CANARY, A, fill_mib=4))
    with captured(a, CANARY) as plain:
        assert moved(opened, a, b, CANARY) == ""
    with captured(a, CANARY) as encrypted:
        assert moved(opened, b, a, CANARY, tls=True) == ""
    assert plain.size > 4 * MIB
    assert encrypted.size > 4 * MIB
    assert plain.hits
    assert not encrypted.hits


def replaced(host: Host, signed: Signed | None) -> None:
    """The certificate that QEMU on the host shows from now on; None is none."""
    files = {f"{QEMU}/server-cert.pem": signed and signed.certificate, f"{QEMU}/server-key.pem": signed and signed.key}
    for file, text in files.items():
        host.exec(*(("tee", file) if text else ("rm", file)), stdin=text)


def test_a_refusal_of_qemu_is_said_and_nothing_is_sent_in_the_open(lab: Lab, opened: Open) -> None:
    a, b = lab.hosts[A], lab.hosts[B]
    addresses = [b.address, b.migration_address]
    good = of(lab.state).ensure(B, addresses)
    cases = {
        "missing": None,
        "expired": of(lab.state).issue(B, addresses, days=0),
        "another name": of(lab.state).issue("another-host"),
        "another CA": of(lab.state, "other").issue(B, addresses),
    }
    said = {}
    try:
        for case, signed in cases.items():
            replaced(b, signed)
            said[case] = moved(opened, a, b, "web-01", tls=True)
        replaced(b, cases["another name"])
        said["tls_name"] = moved(opened, a, b, "web-01", tls=True, tls_name="another-host")
    finally:
        replaced(b, good)
    assert said.pop("tls_name") == ""
    assert all(said.values()), said
    assert "server-cert.pem" in said["missing"]
    assert "expired" in said["expired"]
    assert moved(opened, b, a, "web-01", tls=True, tls_name=A) == ""


def test_encrypted_copies_beside_parallel_connections_need_a_name(lab: Lab, opened: Open) -> None:
    """The bug that the check tls_copies knows."""
    a, b = lab.hosts[A], lab.hosts[B]
    lab.define_guest(A, GuestSpec("copied", A, storage="local"))
    options = {"tls": True, "parallel_connections": 2, "copy_disks": ("vda",)}
    unnamed = Moving(opened, a, b, "copied", **options)
    unnamed.end()
    if opened(a).identity().libvirt >= FIXED:
        assert unnamed.error is None
        return
    assert unnamed.error
    assert "hostname" in unnamed.error.message
    named = Moving(opened, a, b, "copied", tls_name=B, **options)
    named.end()
    assert named.error is None


def test_the_whole_way_over_tls(lab: Lab, tmp_path: Path) -> None:
    serving = Serving(lab, tmp_path, transport="tls", peer="tls")
    serving.prepare()
    serving.start()
    try:
        serving.register_hosts()
        serving.wait_for_guest("web-01", A)
        ended = serving.wait_for_end(serving.migrate("web-01", B, tls=True)["id"])
        assert ended["state"] == "done", ended
        assert ended["options"]["tls"] is True
        back = serving.migrate("web-01", A, tls=True, tls_name="another-host")
        ended = serving.wait_for_end(back["id"])
        assert ended["state"] == "failed"
        assert lab.hosts[B].domain_state("web-01") == "running"
    finally:
        serving.stop()
