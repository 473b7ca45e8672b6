"""NICs that hang on something else than a network, a bridge or a device: on a program or a set-up of the host.

Whether the destination has the same socket or peer, or somebody who connects a bare tap device (ethernet), is seen
nowhere. NICs of type user need nothing. Devices of the host (hostdev, vdpa) have a check of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy

#: judged by other checks, or in need of nothing
JUDGED = ("network", "bridge", "direct", "user", "hostdev", "vdpa")


@check(
    title="kvmweb knows every type of NIC of the VM",
    passed="kvmweb knows every type of NIC of the VM.",
    needs=("guest.definition",),
)
def nic_types(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    for nic in guest.nics:
        if nic.type in JUDGED:
            continue
        words = (
            f"kvmweb cannot tell whether {target} can connect NIC {nic.mac} of {guest.name}: it is of type {nic.type}."
        )
        fix = remedy(f"Make sure that {target} has what it is connected to.")
        evidence = {"type": nic.type, "connected to": nic.source or "not said"}
        yield finding(Severity.UNKNOWN, words, f"NIC {nic.mac}", evidence, fix)
