"""On a network where libvirt itself gives out addresses, reservations and leases belong to the network of each host."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy
from migrations_app.domain.virsh import virsh


@check(
    title="The VM keeps the addresses that libvirt's networks give it",
    passed="The VM gets no address from a libvirt network, or both hosts reserve the same one.",
    needs=("guest.definition",),
    kinds=LIVE_KINDS,
)
def dhcp_addresses(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    nics = [nic for nic in guest.nics if nic.type == "network"]
    ours = {network.name: network for network in known(facts.source.networks, "source.networks")} if nics else {}
    theirs = {network.name: network for network in known(facts.target.networks, "target.networks")} if nics else {}
    for nic in nics:
        here, there = ours.get(nic.source), theirs.get(nic.source)
        if here is None or there is None or not here.dhcp:
            continue
        reserved, again = (dict(network.reservations).get(nic.mac.lower(), "") for network in (here, there))
        evidence = {"MAC address": nic.mac, source: reserved or "none", target: again or "none"}
        if reserved and reserved != again:
            words = f"Network {here.name} reserves {reserved} for {guest.name} on {source}, but not on {target}."
            fix = remedy("Add the same DHCP host entry.", run=virsh("net-edit", here.name), on=target)
            yield finding(Severity.WARNING, words, f"NIC {nic.mac}", evidence, fix)
        elif not reserved and not again:
            words = f"{guest.name} may get another address on {target}: network {here.name} has its own leases there."
            yield finding(Severity.INFO, words, f"NIC {nic.mac}", evidence)
