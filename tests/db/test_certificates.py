"""How long certificates are valid is asked of hosts that kvmweb connects to by TLS,
and of those that use TLS between them, by ssh."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from hosts import gateway
from hosts.facts.contact import Certificates
from hosts.facts.endpoint import Endpoint
from hosts.facts.unknown import Unknown
from hosts.gateway.port import HostUnreachable
from hosts.models import Host
from lab.certificates import Authority
from migrations_app.worker.facts import hosts as collector
from migrations_app.worker.facts.side import Side
from tests.fakes.gateway import FakeFleet


@pytest.fixture
def fleet() -> FakeFleet:
    return FakeFleet("kvm-a")


def run(*command: str, stdin: str | None = None) -> str:
    return subprocess.run(command, input=stdin, text=True, capture_output=True, check=True).stdout


def _side(fleet: FakeFleet, transport: str) -> Side:
    host = Host(name="kvm-a", transport=transport, address=fleet["kvm-a"].address)
    tcp = Host(name="kvm-a", transport="tcp", address=fleet["kvm-a"].address)
    return Side(host=host, connection=fleet.connect(tcp.endpoint))


def test_days_of_both_sides(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def certificates(endpoint: Endpoint, *, deadline: float) -> Certificates:
        return Certificates(own=timezone.now() + timedelta(days=5), host=timezone.now() + timedelta(days=50))

    monkeypatch.setattr(gateway, "certificates", certificates)
    found = collector.host(_side(fleet, "tls"))["certificates"]
    assert {whose: round(days) for whose, days in found.items()} == {"kvmweb": 5, "libvirt on kvm-a": 50}
    assert collector.host(_side(fleet, "tcp"))["certificates"] == {}


def test_those_that_hosts_show_each_other_are_read_by_ssh(fleet: FakeFleet, tmp_path: Path) -> None:
    """kvmweb does not connect by TLS, the hosts do."""
    soon, later = (Authority(tmp_path, run, scratch=str(tmp_path)).issue("a", days=n).certificate for n in (9, 99))
    fleet["kvm-a"].written["certificates"] = f"== libvirt\n{later}\n== libvirt\n{soon}\n== QEMU\n{later}\n"
    found = collector.host(_side(fleet, "ssh"), tls=True)["certificates"]
    assert {whose: round(days) for whose, days in found.items()} == {"libvirt on kvm-a": 9, "QEMU on kvm-a": 99}
    assert collector.host(_side(fleet, "ssh"))["certificates"] == {}, "nobody uses them"


def test_a_host_that_cannot_be_asked_has_none(fleet: FakeFleet) -> None:
    assert collector.host(_side(fleet, "tcp"), tls=True)["certificates"] == {}


def test_certificates_that_cannot_be_read_are_unknown(fleet: FakeFleet) -> None:
    fleet["kvm-a"].written["certificates"] = ""
    assert isinstance(collector.host(_side(fleet, "ssh"), tls=True)["certificates"], Unknown)


def test_a_handshake_that_fails_is_unknown(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def certificates(endpoint: Endpoint, *, deadline: float) -> Certificates:
        raise HostUnreachable("timed out")

    monkeypatch.setattr(gateway, "certificates", certificates)
    assert collector.host(_side(fleet, "tls"))["certificates"] == Unknown("kvm-a: timed out")
