"""What each host is and has, whatever the guest."""

from __future__ import annotations

from typing import Any

from hosts.facts.endpoint import Transport, is_loopback
from migrations_app.worker.facts.certificates import certificates
from migrations_app.worker.facts.side import Side


def host(side: Side, *, tls: bool = False) -> dict[str, Any]:
    """The first fields of HostFacts. `tls`: the hosts show each other certificates."""
    peer = side.host.peer
    return {
        "name": side.host.name,
        "address": side.host.address,
        "plain": side.host.transport == Transport.TCP and not is_loopback(side.host.address),
        "peer_address": peer.address if peer else "",
        "peer_user": peer.user if peer else "",
        "migration_address": side.host.migration_address,
        "identity": side.learn(lambda c: c.identity()),
        "capabilities": side.learn(lambda c: c.capabilities()),
        "pools": side.learn(lambda c: c.pools()),
        "networks": side.learn(lambda c: c.networks()),
        "certificates": certificates(side, between=tls),
    }
