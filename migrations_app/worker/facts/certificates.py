"""How long the certificates are still valid that a migration by TLS needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from hosts import gateway
from hosts.facts.endpoint import Transport
from hosts.facts.unknown import Unknown
from hosts.gateway.port import GatewayError
from hosts.gateway.probes.certificates import certificates as certificates_probe
from migrations_app.worker.facts.side import Side

_DAY_SECONDS = 86400


def certificates(side: Side, *, between: bool) -> dict[str, float] | Unknown:
    """Days by whose certificate it is: those of the connection to a host that kvmweb connects to by TLS. `between`:
    the hosts use TLS between them, so of others what they have is read by ssh."""
    if isinstance(side.connection, Unknown):
        return side.connection
    if side.host.transport == Transport.TLS:
        return _of_connection(side)
    return _of_host(side) if between else {}


def _of_connection(side: Side) -> dict[str, float] | Unknown:
    try:
        seen = gateway.certificates(side.host.endpoint, deadline=settings.KVMWEB.host_deadline_seconds)
    except GatewayError as error:
        return Unknown(f"{side.host.name}: {error.message}")
    return _days({"kvmweb": seen.own, f"libvirt on {side.host.name}": seen.host})


def _of_host(side: Side) -> dict[str, float] | Unknown:
    found = side.learn(lambda c: c.probe(certificates_probe))
    if isinstance(found, Unknown):
        return found
    if found is None:
        return {}  # without ssh nobody can ask
    if not found:
        return Unknown(f"{side.host.name}: kvmweb could not read the certificates that it shows other hosts.")
    return _days({f"{who} on {side.host.name}": until for who, until in found.items()})


def _days(whose: Mapping[str, datetime | None]) -> dict[str, float]:
    now = timezone.now()
    return {name: (until - now).total_seconds() / _DAY_SECONDS for name, until in whose.items() if until}
