"""A NIC on a libvirt network needs that network, active, on the destination, or libvirt cannot start the VM there."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy
from migrations_app.domain.virsh import virsh

#: libvirt routes these itself, per host: on another host the guest does not reach its old neighbours.
HOST_LOCAL = ("", "nat", "route", "open")


@check(
    title="Every network is on the destination",
    passed="Every libvirt network of the VM is active on the destination.",
    needs=("guest.definition",),
)
def networks_present(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    define = f"Define it on {target} as on {source}. This prints its definition."
    nics = [nic for nic in guest.nics if nic.type == "network"]
    there = {network.name: network for network in known(facts.target.networks, "target.networks")} if nics else {}
    for name in dict.fromkeys(nic.source for nic in nics):
        network, affects = there.get(name), f"network {name}"
        if network is None:
            evidence = {"needed": name, f"on {target}": ", ".join(sorted(there)) or "none"}
            words = f"{target} has no network {name}, which {guest.name} uses."
            fix = remedy(f"{define} Then start it.", run=virsh("net-dumpxml", name), on=source)
            yield finding(Severity.BLOCKER, words, affects, evidence, fix)
        elif not network.active:
            fix = remedy("Start it.", run=virsh("net-start", name), on=target)
            words = f"Network {name} on {target} is not active; {guest.name} uses it."
            yield finding(Severity.BLOCKER, words, affects, {"network": name, "active": "no"}, fix)
        elif network.forward in HOST_LOCAL:
            after = f"its VMs on {source} cannot reach {guest.name} after the migration"
            words = f"Network {name} is private to each host: {after}."
            yield finding(Severity.INFO, words, affects, {"forward mode": network.forward or "isolated"})
    ours = known(facts.source.networks, "source.networks") if there else ()
    forward = {network.name: network.forward for network in ours}
    for name in dict.fromkeys(nic.source for nic in nics if nic.source in there):
        here = forward.get(name, there[name].forward)
        if here != there[name].forward:
            words = (
                f"Network {name} has another forward mode on {target}, so {guest.name} is connected differently there."
            )
            evidence = {source: here or "isolated", target: there[name].forward or "isolated"}
            fix = remedy(define, run=virsh("net-dumpxml", name), on=source)
            yield finding(Severity.WARNING, words, f"network {name}", evidence, fix)
    for nic in nics:
        network = there.get(nic.source)
        if network and nic.portgroup and nic.portgroup not in network.portgroups:
            words = f"Network {nic.source} on {target} has no port group {nic.portgroup}, which {guest.name} uses."
            evidence = {"needed": nic.portgroup, "there": ", ".join(network.portgroups) or "none"}
            fix = remedy("Add the port group.", run=virsh("net-edit", nic.source), on=target)
            yield finding(Severity.WARNING, words, f"NIC {nic.mac}", evidence, fix)
