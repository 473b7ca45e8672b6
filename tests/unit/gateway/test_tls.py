"""kvmweb's own certificate: without its files nothing is tried. What the lab's certificates show is in tests/lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from hosts import gateway
from hosts.facts.endpoint import Endpoint, Transport
from hosts.gateway import _tls
from hosts.gateway.port import ContactProblem, HostUnreachable

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
