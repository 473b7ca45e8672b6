"""An address that the VM's display or serial port listens on must be one of the destination's."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from hosts.facts.unknown import Unknown
from migrations_app.domain.definition.needs import listens_on
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import AT_NEXT_START, finding, guest_of, known, remedy


@check(
    title="The VM listens on addresses that the destination has",
    passed="The destination has every address that the VM listens on.",
    needs=("guest.definition",),
)
def listen_addresses(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    fix = remedy(f"Let it listen on 0.0.0.0, or on an address that every host has; {AT_NEXT_START}")
    for address, what in listens_on(guest):
        there = _there(address, facts)
        if there is False:
            words = f"The {what} of {guest.name} listens on {address}, which is not an address of {target}."
            yield finding(Severity.BLOCKER, words, f"address {address}", {"listens on": address}, fix)
        elif there is not True:
            words = f"kvmweb cannot tell whether {target} has the address {address}, where {guest.name} listens."
            yield finding(Severity.UNKNOWN, words, f"address {address}", {"why": there.reason}, fix)
    for graphics in guest.graphics:
        for name in graphics.networks:
            if name not in {
                network.name for network in known(facts.target.networks, "target.networks") if network.active
            }:
                display = f"The {graphics.type} display of {guest.name}"
                words = f"{display} listens on network {name}; {target} has no active network of this name."
                yield finding(Severity.BLOCKER, words, f"network {name}", {"network": name}, fix)


def _there(address: str, facts: Facts) -> bool | Unknown:
    try:
        wanted = ip_address(address)
    except ValueError:
        return address == "localhost" or Unknown(f"{address} is a name; which address it stands for differs by host.")
    if wanted.is_unspecified or wanted.is_loopback:
        return True
    found = facts.target.addresses
    if isinstance(found, Unknown):
        known_ones = (facts.target.migration_address, facts.target.peer_address)
        return True if address in known_ones else found
    return str(wanted) in found
