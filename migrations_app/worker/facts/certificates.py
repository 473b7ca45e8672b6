"""How long the certificates of kvmweb's connection to a host are still valid."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from hosts import gateway
from hosts.facts.unknown import Unknown
from hosts.gateway.port import GatewayError
from migrations_app.worker.facts.side import Side

_DAY_SECONDS = 86400


def certificates(side: Side) -> dict[str, float] | Unknown:
    """Days by whose certificate it is. Only for a host that kvmweb connects to by TLS."""
    if isinstance(side.connection, Unknown):
        return side.connection
    try:
        seen = gateway.certificates(side.host.endpoint, deadline=settings.KVMWEB.host_deadline_seconds)
    except GatewayError as error:
        return Unknown(f"{side.host.name}: {error.message}")
    now = timezone.now()
    whose = {"kvmweb": seen.own, f"libvirt on {side.host.name}": seen.host}
    return {name: (until - now).total_seconds() / _DAY_SECONDS for name, until in whose.items() if until}
