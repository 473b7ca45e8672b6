"""NICs that are connected to something else than a network, a bridge or a device, such as a program of the host.

Nothing shows whether the destination has the same socket or peer, or connects a bare tap device (ethernet). A network
of forward mode hostdev gives each NIC a PCI device of the host. NICs of type user need nothing. Devices of the host
(hostdev, vdpa) have a check of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.leaving import DETACHED
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.leaving import detaches
from migrations_app.domain.preflight.shared import DETACH, finding, guest_of, known, remedy

#: judged by other checks, or nothing to judge
JUDGED = ("network", "bridge", "direct", "user", "hostdev", "vdpa")


@check(
    title="The destination can connect every NIC",
    passed="Every NIC is of a type that kvmweb can check.",
    needs=("guest.definition",),
)
def nic_types(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    asked = any(nic.type == "network" for nic in guest.nics)
    networks = known(facts.source.networks, "source.networks") if asked else ()
    pools = {network.name for network in networks if network.forward == "hostdev"}
    for nic in guest.nics:
        if nic.type == "network" and nic.source in pools and not nic.teaming_transient:
            words = f"NIC {nic.mac} of {guest.name} is a PCI device of {facts.source.name} and cannot be migrated."
            evidence = {"network": nic.source, "forward mode": "hostdev"}
            yield finding(Severity.BLOCKER, words, f"NIC {nic.mac}", evidence, remedy(DETACH))
        if nic.type == "network" and nic.teaming_transient and detaches(facts):
            words = f"kvmweb detaches NIC {nic.mac} of {guest.name} for the migration, and attaches it afterwards."
            yield finding(Severity.INFO, words, f"NIC {nic.mac}", {DETACHED: f"nic {nic.mac}"})
        if nic.type in JUDGED:
            continue
        which = f"NIC {nic.mac} of {guest.name}"
        words = f"kvmweb cannot tell whether {target} can connect {which}: it is of type {nic.type}."
        fix = remedy(f"Check that {target} has what the NIC is connected to.")
        evidence = {"type": nic.type, "connected to": nic.source or "not given"}
        yield finding(Severity.UNKNOWN, words, f"NIC {nic.mac}", evidence, fix)
