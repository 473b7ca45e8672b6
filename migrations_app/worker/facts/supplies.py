"""What the destination must keep ready for some VMs only: asked only when this one needs it."""

from __future__ import annotations

from typing import Any

from hosts.facts.guest import GuestDefinition
from hosts.facts.unknown import Unknown
from hosts.gateway.probe import Probe
from hosts.gateway.probes.addresses import addresses
from hosts.gateway.probes.listening_ports import listening_ports
from migrations_app.domain.definition.needs import fixed_ports, listens_on
from migrations_app.worker.facts.side import Side


def supplies(guests: tuple[GuestDefinition, ...] | Unknown, side: Side) -> dict[str, Any]:
    """The fields of TargetFacts by their names; one that is not needed is left out."""
    if isinstance(guests, Unknown):
        return {}
    found: dict[str, Any] = {}
    paths = [path for guest in guests for path, _ in guest.leaves]
    if any("/secret/" in path or path.endswith("encryption/@secret") for path in paths):
        found["secrets"] = side.learn(lambda c: c.secrets())
    if "devices/interface/filterref" in paths:
        found["network_filters"] = side.learn(lambda c: c.network_filters())
    if any(map(fixed_ports, guests)):
        found["ports"] = _probed(listening_ports, side)
    if any(map(listens_on, guests)):
        found["addresses"] = host_addresses(side)
    return found


def host_addresses(side: Side) -> frozenset[str] | Unknown:
    return _probed(addresses, side)


def _probed(probe: Probe[frozenset[Any]], side: Side) -> frozenset[Any] | Unknown:
    answer = side.learn(lambda c: c.probe(probe))
    if answer is None:
        return Unknown(f"kvmweb can ask {side.host.name} for it only by ssh.", f"Register {side.host.name} by ssh.")
    return answer
