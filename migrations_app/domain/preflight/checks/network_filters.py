"""A NIC's filter must be defined on the destination, with every filter that it refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hosts.facts.supplies import NetworkFilter
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy
from migrations_app.domain.virsh import virsh

FILTER = "devices/interface/filterref/@filter"
PARAMETER = "devices/interface/filterref/parameter"
#: the filter learns the addresses of the VM from its DHCP traffic
LEARNS = {(f"{PARAMETER}/@name", "CTRL_IP_LEARNING"), (f"{PARAMETER}/@value", "dhcp")}


@check(
    title="The destination has the network filters of the VM's NICs",
    passed="The destination has every network filter of the VM's NICs.",
    needs=("guest.definition",),
)
def network_filters(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    for name in guest.values(FILTER):
        there = {one.name: one for one in known(facts.target.network_filters, "target.network_filters")}
        for missing in _missing(name, there):
            words = f"{target} does not have the network filter {missing}, which a NIC of {guest.name} needs."
            evidence = {"filter": name, f"missing on {target}": missing}
            show = remedy("Show its XML.", run=virsh("nwfilter-dumpxml", missing), on=source)
            define = remedy(f"Define it on {target} from that XML (virsh nwfilter-define).")
            yield finding(Severity.BLOCKER, words, f"filter {missing}", evidence, show, define)
    if not facts.starts and set(guest.leaves) >= LEARNS:
        words = f"A network filter of {guest.name} learns its address from DHCP: until the VM renews its lease on"
        fix = remedy(f"Renew the lease in the VM as soon as it runs on {target}.")
        evidence = {"CTRL_IP_LEARNING": "dhcp"}
        yield finding(Severity.WARNING, f"{words} {target}, it has no network.", f"VM {guest.name}", evidence, fix)


def _missing(name: str, there: Mapping[str, NetworkFilter]) -> Iterator[str]:
    """Of this filter and all below it."""
    waiting, seen = [name], {name}
    while waiting:
        one = waiting.pop()
        if one not in there:
            yield one
            continue
        below = [used for used in there[one].uses if used not in seen]
        seen.update(below)
        waiting += below
