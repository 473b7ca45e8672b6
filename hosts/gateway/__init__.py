"""The only room that talks to hosts, by libvirt and ssh. `port.py` is its interface; connections are opened here.

libvirt is imported when the first connection is made, so that importing this package costs the web process nothing.
"""

from __future__ import annotations

from datetime import datetime

from hosts.facts.contact import Certificates, Contact
from hosts.facts.endpoint import DEFAULT_PORTS, Endpoint
from hosts.gateway.port import HostConnection, SharedConnections

__all__ = [
    "PATH_RATE_SECONDS",
    "certificates",
    "connect",
    "discard_shared_connections",
    "first_contact",
    "load",
    "own_certificate_until",
    "path_rate",
    "share_connections",
    "warm_up",
]

#: the deadline of connections for `path_rate`: longer than each of its questions takes
PATH_RATE_SECONDS = 22.0


def connect(endpoint: Endpoint, *, deadline: float = 10.0) -> HostConnection:
    """Open a connection, or raise HostUnreachable within `deadline` seconds.

    `libvirt.open` has no timeout and cannot be interrupted: it runs in a thread that is left behind when it hangs.
    For a first contact, use `first_contact`, which can be killed.
    """
    from hosts.gateway._connection import open_connection

    return open_connection(endpoint, deadline=deadline)


def first_contact(endpoint: Endpoint, *, deadline: float = 8.0) -> Contact:
    """Connect in a child process that is killed at the deadline. Never raises, never hangs, changes nothing.

    With ssh and no confirmed `endpoint.host_key`, only the host's key is read (and returned for confirmation). It never
    uses a shared connection: it finds out whether a login works.
    """
    from hosts.gateway._first_contact import meet

    return meet(endpoint, deadline=deadline)


def certificates(endpoint: Endpoint, *, deadline: float = 8.0) -> Certificates:
    """Until when those of a connection by TLS are valid. Raises HostUnreachable."""
    from hosts.gateway import _tls

    port = endpoint.port or DEFAULT_PORTS[endpoint.transport]
    return _tls.certificates(endpoint.address, port, seconds=deadline)


def own_certificate_until() -> datetime | None:
    """Until when kvmweb's own is valid; no host is asked. Raises HostUnreachable when it cannot be used."""
    from hosts.gateway import _tls

    return _tls.own_certificate_until()


def path_rate(source: HostConnection, target: HostConnection, address: str) -> float:
    """What the path from one host to the migration address of another carries, in bytes per second. It takes about
    three seconds, and for about two the path is full. Raises GatewayError when it cannot be told."""
    from hosts.gateway import _path_rate

    return _path_rate.path_rate(source, target, address)


def load() -> None:
    """Load libvirt and start nothing: processes that are forked from this one share the memory of its code."""
    import libvirt  # noqa: F401

    from hosts.gateway import _connection  # noqa: F401


def share_connections(endpoint: Endpoint) -> SharedConnections | None:
    """What `connect` and the questions of all processes use from then on. None for a transport without them.

    One process alone does this for a data folder.
    """
    from hosts.gateway import _shared, transports

    return _shared.SharedConnections(endpoint) if transports.row(endpoint.transport).wrapped else None


def discard_shared_connections() -> None:
    """Forget those of a process that has ended."""
    from hosts.gateway import _shared

    _shared.discard_all()


def warm_up() -> None:
    """Do what a process's first connection would wait for: load libvirt, start its event loop. After a fork only."""
    from hosts.gateway import _loop

    load()
    _loop.libvirt_with_loop()
