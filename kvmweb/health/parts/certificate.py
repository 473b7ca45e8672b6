"""kvmweb's own certificate, which hosts that it connects to by TLS want to see. No host is asked."""

from __future__ import annotations

import math
from collections.abc import Iterator

from django.utils import timezone

from hosts import gateway
from hosts.facts.endpoint import Transport
from hosts.gateway.port import HostUnreachable
from hosts.models import Host
from kvmweb.health.row import Row, State

_NAME = "Certificate"
_DAY = 86_400.0
_SOON_DAYS = 7


def rows() -> Iterator[Row]:
    if not Host.objects.filter(transport=Transport.TLS).exists():
        return
    try:
        until = gateway.own_certificate_until()
    except HostUnreachable as error:
        yield Row(_NAME, State.BAD, f"kvmweb's own certificate for TLS cannot be used: {error.message}.")
        return
    yield valid((until - timezone.now()).total_seconds() / _DAY if until else None)


def valid(days: float | None) -> Row:
    if days is None:
        return Row(_NAME, State.UNKNOWN, "It is not known until when kvmweb's own certificate for TLS is valid.")
    whole = max(0, math.floor(days))
    state = State.WELL if days >= _SOON_DAYS else State.WARNING
    return Row(_NAME, state, f"kvmweb's own certificate for TLS expires in {whole} day{'' if whole == 1 else 's'}.")
