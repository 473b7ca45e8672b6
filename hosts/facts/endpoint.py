"""How a host is reached: validated fields, never a URI from outside.

A libvirt URI can run commands and read files (transport `ext`, `command=`, `test:///path`, ...), so it is built in
`hosts/gateway` from these fields and nothing else.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_BROADCAST = ipaddress.ip_address("255.255.255.255")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Transport(StrEnum):
    SSH = "ssh"
    TLS = "tls"
    TCP = "tcp"
    UNIX = "unix"


DEFAULT_PORTS = {Transport.SSH: 22, Transport.TLS: 16514, Transport.TCP: 16509}
#: why there is no user
_NO_USER = {
    Transport.TLS: "TLS has no user: the certificate says who connects.",
    Transport.TCP: "Plain TCP has no user.",
}


class BadEndpoint(ValueError):
    """A field that cannot be part of an address. `field` names it, the message is for a user."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check_address(value: str, *, field: str = "address") -> str:
    """An IP address or a DNS name; refuses everything that ssh or libvirt could read as an option or a URI part."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        pass
    else:
        # A zone ("fe80::1%eth0") may hold any character, and belongs to the machine that wrote it.
        plain = getattr(address, "ipv4_mapped", None) or address
        if "%" in value or plain.is_unspecified or plain.is_multicast or plain == _BROADCAST:
            raise BadEndpoint(field, "Enter the address of one host, without a zone.")
        if plain.is_link_local:
            raise BadEndpoint(field, "Link-local addresses work on one network only. Enter a routed address or a name.")
        return str(address)
    labels = value.rstrip(".").split(".")
    if len(value) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadEndpoint(field, "Enter an IP address or a host name made of letters, digits, dots and hyphens.")
    if all(_NUMBER.fullmatch(label) for label in labels):  # resolvers take 0x7f000001 and 127.1 for 127.0.0.1
        raise BadEndpoint(field, "This is not a valid IP address.")
    return value.rstrip(".").lower()


def check_user(value: str, *, field: str = "user") -> str:
    if value and not _USER.fullmatch(value):
        raise BadEndpoint(field, "A user name has lower-case letters, digits, hyphens and underscores only.")
    return value


def check_port(value: int | None, *, field: str = "port") -> int | None:
    if value is not None and not 1 <= value <= 65535:
        raise BadEndpoint(field, "A port is a number from 1 to 65535.")
    return value


def check_name(value: str, *, field: str = "name") -> str:
    if not _NAME.fullmatch(value):
        raise BadEndpoint(field, "A name has letters, digits, dots, hyphens and underscores, at most 63 of them.")
    if value.isdigit():  # the API and the addresses of pages take a host's name or its id
        raise BadEndpoint(field, "A name cannot consist of digits only. Add a letter.")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """How kvmweb itself reaches a host's libvirt. Every field is checked when the value is made."""

    transport: Transport
    address: str = ""
    port: int | None = None
    user: str = ""
    #: ssh only: the trusted host key as in known_hosts ("ssh-ed25519 AAAA..."); "" before the first contact
    host_key: str = ""

    def __post_init__(self) -> None:
        if self.transport is Transport.UNIX:
            if self.address or self.port or self.user:
                raise BadEndpoint("address", "The local socket has no address, port or user.")
            return
        check_address(self.address)
        check_port(self.port)
        check_user(self.user)
        if self.user and self.transport in _NO_USER:
            raise BadEndpoint("user", _NO_USER[self.transport])


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerEndpoint:
    """How *another host's* libvirtd reaches this one (peer-to-peer migration). Resolved by that host, never by us."""

    transport: Transport
    address: str
    user: str = ""

    def __post_init__(self) -> None:
        if self.transport is Transport.UNIX:
            raise BadEndpoint("peer_transport", "Another host cannot use this host's local socket.")
        check_address(self.address, field="peer_address")
        check_user(self.user, field="peer_user")
        if self.user and self.transport in _NO_USER:
            raise BadEndpoint("peer_user", _NO_USER[self.transport])
        if is_loopback(self.address):
            raise BadEndpoint("peer_address", "Other hosts cannot reach a loopback address.")


def is_loopback(address: str) -> bool:
    """Whether only the machine itself can reach it; other names are for that machine's resolver to know."""
    if address == "localhost" or address.startswith("localhost."):
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
