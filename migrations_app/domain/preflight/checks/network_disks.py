"""Disks on network storage (rbd, nbd, iscsi) are opened by QEMU itself; nothing on the host shows whether it can."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.disks import place
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy


@check(
    title="Network storage is reachable at the destination",
    passed="The VM has no disk that QEMU opens over the network.",
    needs=("guest.definition",),
)
def network_disks(facts: Facts) -> Iterator[Finding]:
    target = facts.target.name
    for disk in guest_of(facts).disks:
        if disk.type == "network":
            words = f"kvmweb cannot tell whether {target} reaches the network storage of disk {disk.target}."
            fix = remedy(f"Make sure that a VM on {target} can use the same storage.")
            yield finding(Severity.UNKNOWN, words, f"disk {disk.target}", {"storage": place(disk)}, fix)
