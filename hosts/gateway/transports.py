"""How a host is reached, one row per transport: its URI for kvmweb and for other hosts, its port, and how its kernel
can be asked. A transport that is not in the table is an error, never something else.

No other file of the gateway writes a libvirt URI. What a `virsh` line shows to people is written beside that line.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from hosts.calls.move import PeerHelper
from hosts.facts.endpoint import DEFAULT_PORTS, Endpoint, PeerEndpoint, Transport
from hosts.gateway import _process, _sessions


class Shell(Protocol):
    """Runs a program on the host, each word as it is. Raises HostUnreachable."""

    def __call__(self, endpoint: Endpoint, argv: Sequence[str], *, deadline: float) -> _process.Finished: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`scheme` of libvirt's URI, `query` what follows it (given the helper of the far end), `port` the usual one, None
    for a socket. `peers`: another host can use it. `wrapped`: libvirt starts kvmweb's own ssh. `certified`: kvmweb
    shows its certificate, and the host's is verified. `shell` is None where only libvirt can be asked."""

    scheme: str
    port: int | None
    peers: bool
    wrapped: bool = False
    certified: bool = False
    query: Callable[[PeerHelper], str] = lambda _: ""
    shell: Shell | None = None


_HELPERS = {
    PeerHelper.AUTO: "",
    PeerHelper.NETCAT: "&proxy=netcat",
    PeerHelper.NETCAT_MODULAR: "&proxy=netcat&socket=%2Frun%2Flibvirt%2Fvirtqemud-sock",
}


def _there(endpoint: Endpoint, argv: Sequence[str], *, deadline: float) -> _process.Finished:
    return _sessions.run_ssh(endpoint, argv, deadline=deadline)


def _here(endpoint: Endpoint, argv: Sequence[str], *, deadline: float) -> _process.Finished:
    return _process.run(list(argv), deadline=deadline)


ROWS: Mapping[Transport, Row] = {
    Transport.SSH: Row(
        scheme="qemu+ssh",
        port=DEFAULT_PORTS[Transport.SSH],
        peers=True,
        wrapped=True,
        query=lambda helper: f"?no_tty=1{_HELPERS[helper]}",
        shell=_there,
    ),
    Transport.TLS: Row(scheme="qemu+tls", port=DEFAULT_PORTS[Transport.TLS], peers=True, certified=True),
    Transport.TCP: Row(scheme="qemu+tcp", port=DEFAULT_PORTS[Transport.TCP], peers=True),
    Transport.UNIX: Row(scheme="qemu", port=None, peers=False, shell=_here),
}


def row(transport: Transport) -> Row:
    """Raises ValueError for one without a row."""
    try:
        return ROWS[transport]
    except KeyError:
        raise ValueError(f"no way is known to reach a host by {transport}") from None


def connection_uri(endpoint: Endpoint, *, ssh: Path | None = None, pki: Path | None = None) -> str:
    """For kvmweb's own connection; with ssh, `ssh` is the wrapper that libvirt starts instead of ssh; with TLS, `pki`
    is the folder of kvmweb's certificate."""
    way = row(endpoint.transport)
    if way.certified:
        if pki is None:
            raise ValueError("TLS needs kvmweb's certificate")
        place = _place("", endpoint.address, endpoint.port)
        return f"{way.scheme}://{place}/system?pkipath={quote(str(pki), safe='')}"
    if not way.wrapped:
        return f"{way.scheme}://{_place(endpoint.user, endpoint.address, endpoint.port)}/system"
    if ssh is None:
        raise ValueError("ssh needs its wrapper")
    place = _place(endpoint.user, endpoint.address, endpoint.port)
    return f"{way.scheme}://{place}/system?command={quote(str(ssh), safe='')}&no_tty=1"


def forwarded_uri(socket: str) -> str:
    """For a connection of kvmweb's through this socket of its own."""
    return f"qemu:///system?socket={quote(socket, safe='')}"


def peer_uri(peer: PeerEndpoint, *, helper: PeerHelper = PeerHelper.AUTO) -> str:
    """For the source's libvirtd: with ssh it uses that host's own key and known_hosts."""
    way = row(peer.transport)
    if not way.peers:
        raise ValueError(f"another host cannot use {peer.transport}")
    return f"{way.scheme}://{_place(peer.user, peer.address)}/system{way.query(helper)}"


def migrate_uri(address: str) -> str:
    """Where the guest's memory is sent; libvirt chooses the port."""
    return f"tcp://{bracketed(address)}"


def bracketed(address: str) -> str:
    """An IPv6 address in brackets, everything else as it is (addresses were checked when they were entered)."""
    try:
        return f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    except ValueError:
        return address


def _place(user: str, address: str, port: int | None = None) -> str:
    return f"{quote(user, safe='')}@" * bool(user) + bracketed(address) + f":{port}" * bool(port)
