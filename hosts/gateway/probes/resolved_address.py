"""The IP address by which a host reaches another one: that of its name, or what was given."""

from __future__ import annotations

import ipaddress

from hosts.gateway.probe import NoAnswer, probe


@probe("getent", "ahosts", asks="look up the migration address")
def resolved_address(out: str) -> str:
    """As libvirt does: the first of its answers, a line "10.0.0.2 STREAM kvm-b"."""
    try:
        return str(ipaddress.ip_address(out.split()[0]))
    except (IndexError, ValueError):
        raise NoAnswer from None
