from __future__ import annotations

from pathlib import Path

import pytest

from hosts.calls.move import PeerHelper
from hosts.facts.endpoint import BadEndpoint, Endpoint, PeerEndpoint, Transport, check_address
from hosts.gateway import transports


def ssh(**values: object) -> Endpoint:
    return Endpoint(transport=Transport.SSH, **values)  # type: ignore[arg-type]


def test_connections() -> None:
    assert transports.connection_uri(Endpoint(transport=Transport.UNIX)) == "qemu:///system"
    tcp = Endpoint(transport=Transport.TCP, address="10.0.0.1")
    assert transports.connection_uri(tcp) == "qemu+tcp://10.0.0.1/system"
    tcp = Endpoint(transport=Transport.TCP, address="fd00::1", port=1234)
    assert transports.connection_uri(tcp) == "qemu+tcp://[fd00::1]:1234/system"
    endpoint = ssh(address="kvm-a.example", user="vmadmin", port=2222)
    assert transports.connection_uri(endpoint, ssh=Path("/a b/&x=?#/ssh")) == (
        "qemu+ssh://vmadmin@kvm-a.example:2222/system?command=%2Fa%20b%2F%26x%3D%3F%23%2Fssh&no_tty=1"
    )
    with pytest.raises(ValueError, match="wrapper"):
        transports.connection_uri(endpoint)


def test_peers() -> None:
    assert transports.peer_uri(PeerEndpoint(transport=Transport.TCP, address="kvm-b")) == "qemu+tcp://kvm-b/system"
    peer = PeerEndpoint(transport=Transport.SSH, address="fd00::2", user="root")
    assert transports.peer_uri(peer) == "qemu+ssh://root@[fd00::2]/system?no_tty=1"
    assert transports.peer_uri(peer, helper=PeerHelper.NETCAT).endswith("?no_tty=1&proxy=netcat")
    assert "virtqemud-sock" in transports.peer_uri(peer, helper=PeerHelper.NETCAT_MODULAR)


def test_migrate_uri() -> None:
    assert transports.migrate_uri("10.1.0.2") == "tcp://10.1.0.2"
    assert transports.migrate_uri("fd00::2") == "tcp://[fd00::2]"


@pytest.mark.parametrize(
    "address",
    [
        "fe80::1%eth0",
        "fe80::1%;x",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "169.254.1.1",
        "fe80::1",
        "::ffff:169.254.1.1",
        "0x7f000001",
        "0X7F.1",
        "0x7f.0.0.1",
        "127.0x1",
        "2130706433",
        "127.1",
        "-oProxyCommand=x",
        "a/b",
        "a@b",
        "[::1]",
        "a b",
        "a\n",
    ],
)
def test_addresses_that_could_be_something_else(address: str) -> None:
    with pytest.raises(BadEndpoint):
        check_address(address)


@pytest.mark.parametrize("address", ["0x7f.example", "kvm.7", "10.0.0.7", "fd00::7", "ab.cd"])
def test_addresses_that_only_look_odd(address: str) -> None:
    assert check_address(address) == address


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "::1", "::ffff:127.0.0.1", "localhost.localdomain"])
def test_no_host_reaches_another_one_by_its_loopback(address: str) -> None:
    with pytest.raises(BadEndpoint):
        PeerEndpoint(transport=Transport.TCP, address=address)


def test_tls_shows_the_certificate_of_its_folder_and_always_verifies() -> None:
    tls = Endpoint(transport=Transport.TLS, address="kvm-a", port=1234)
    uri = transports.connection_uri(tls, pki=Path("/a b/&x=?#/pki"))
    assert uri == "qemu+tls://kvm-a:1234/system?pkipath=%2Fa%20b%2F%26x%3D%3F%23%2Fpki"
    with pytest.raises(ValueError, match="certificate"):
        transports.connection_uri(tls)
    peer = PeerEndpoint(transport=Transport.TLS, address="kvm-b")
    assert transports.peer_uri(peer) == "qemu+tls://kvm-b/system"
    with pytest.raises(BadEndpoint, match="no user"):
        Endpoint(transport=Transport.TLS, address="kvm-a", user="root")
    with pytest.raises(BadEndpoint, match="no user"):
        PeerEndpoint(transport=Transport.TLS, address="kvm-a", user="root")


def test_every_transport_has_its_row_and_no_other_is_guessed() -> None:
    assert set(transports.ROWS) == set(Transport)
    made_up = PeerEndpoint(transport=Transport.TCP, address="kvm-b")
    object.__setattr__(made_up, "transport", "carrier pigeon")
    with pytest.raises(ValueError, match="carrier pigeon"):
        transports.peer_uri(made_up)
