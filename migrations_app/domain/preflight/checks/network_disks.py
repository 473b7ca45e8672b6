"""Disks on network storage (rbd, nbd, iscsi) are opened by QEMU itself; nothing on the host shows whether it can."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.disks import place
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy


@check(
    title="Network disks are reachable on the destination",
    passed="The VM has no disk that QEMU opens over the network.",
    needs=("guest.definition",),
)
def network_disks(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    for disk in guest.disks:
        if disk.type == "network":
            which = f"disk {disk.target} of {guest.name}"
            words = f"kvmweb cannot tell whether {target} can open {which}: it is on network storage."
            fix = remedy(f"Check that VMs on {target} can open the same storage.")
            yield finding(Severity.UNKNOWN, words, f"disk {disk.target}", {"storage": place(disk)}, fix)
