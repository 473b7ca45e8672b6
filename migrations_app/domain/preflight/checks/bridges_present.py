"""A NIC on a bridge or a device of the host needs one of that name on the destination.

libvirt reports a missing bridge only after it has begun ("Cannot get interface MTU on 'br0'"). With a bridge that is
down the VM starts, cut off: that blocks here too. libvirt networks in bridge mode are bridges under another name. Open
vSwitch carries a VM whatever the state of the bridge's own device, and libvirt adds its ports to no other bridge.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy


@check(
    title="Every bridge is on the destination",
    passed="The destination has every bridge and network device that the VM's NICs use.",
    needs=("guest.definition",),
)
def bridges_present(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    needed = {(nic.type, nic.source): nic.virtualport for nic in guest.nics if nic.type in ("bridge", "direct")}
    wanted = {nic.source: nic.virtualport for nic in guest.nics if nic.type == "network"}
    networks = () if isinstance(facts.target.networks, Unknown) else facts.target.networks
    for network in networks:
        if network.name in wanted and network.forward == "bridge" and network.bridge:
            needed.setdefault(("bridge", network.bridge), network.virtualport or wanted[network.name])
    there = {found.name: found for found in known(facts.target.interfaces, "target.interfaces")} if needed else {}
    for (kind, name), port in needed.items():
        found, word = there.get(name), "bridge" if kind == "bridge" else "network device"
        affects = f"{word} {name}"
        evidence = {"needed": name, f"on {target}": ", ".join(sorted(there)) or "none"}
        if found is None:
            # no command: `ip link add` makes a bridge that is down, has no uplink, and is gone after a reboot
            same = f"connected to the same network as on {source}."
            fix = remedy(f"Add {word} {name} to the network configuration of {target}, {same}")
            words = f"{target} has no {word} {name}, which {guest.name} uses."
            yield finding(Severity.BLOCKER, words, affects, evidence, fix)
        elif port == "openvswitch":
            if found.is_bridge:
                fix = remedy(f"Make {name} on {target} the same kind of bridge as on {source}.")
                words = f"{name} on {target} is a Linux bridge; {guest.name} needs a bridge of Open vSwitch."
                yield finding(Severity.BLOCKER, words, affects, evidence, fix)
        elif not found.active and not found.certain:
            fix = remedy("Check whether it is up.", run=shlex.join(("ip", "link", "show", "dev", name)), on=target)
            words = f"kvmweb cannot tell whether {word} {name} on {target} is up: libvirt reports no carrier."
            yield finding(Severity.UNKNOWN, words, affects, {**evidence, "state": "no carrier"}, fix)
        elif not found.active:
            fix = remedy("Bring it up.", run=shlex.join(("ip", "link", "set", "dev", name, "up")), on=target)
            words = f"{word.capitalize()} {name} on {target} is down; {guest.name} would have no network."
            yield finding(Severity.BLOCKER, words, affects, {**evidence, "state": "down"}, fix)
        elif kind == "bridge" and not found.is_bridge:
            words = f"{name} on {target} is not a Linux bridge; {guest.name} may have no network there."
            fix = remedy(f"Check that {name} on {target} and on {source} is the same kind of bridge.")
            yield finding(Severity.WARNING, words, affects, evidence, fix)
