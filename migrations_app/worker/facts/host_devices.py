"""The devices of a host, asked when the VM uses some."""

from __future__ import annotations

from collections.abc import Mapping

from hosts.facts.guest import GuestDefinition
from hosts.facts.host import SeenDevice
from hosts.facts.unknown import Unknown
from hosts.gateway.probes.host_devices import host_devices as devices_probe
from migrations_app.domain.preflight.facts.host import NOT_ASKED
from migrations_app.worker.facts.side import Side


def host_devices(definition: GuestDefinition | Unknown, side: Side) -> Mapping[str, SeenDevice] | Unknown:
    if isinstance(definition, Unknown) or not definition.host_devices:
        return NOT_ASKED
    found = side.learn(lambda c: c.probe(devices_probe))
    if found is None:
        return Unknown(f"kvmweb sees the devices of hosts that are registered by ssh, and {side.host.name} is not.")
    return found
