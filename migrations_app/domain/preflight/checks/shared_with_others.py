"""What the VM may share with other VMs of the source: after the migration they are on two hosts.

Disks on shared storage stay shared. Memory does not: each host has its own then.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.disks import place
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of


@check(
    title="The VM shares nothing with other VMs of the source",
    passed="The VM shares no disk and no memory with other VMs.",
    needs=("guest.definition",),
)
def shared_with_others(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    for disk in guest.disks:
        if disk.shareable:
            words = f"Other VMs may use disk {disk.target} of {guest.name} too: then they use it from two hosts."
            yield finding(Severity.INFO, words, f"disk {disk.target}", {"path": place(disk)})
    for memory in guest.shared_memory:
        words = f"VMs on {source} no longer share memory {memory.name} with {guest.name} when it is on {target}."
        yield finding(Severity.INFO, words, f"VM {guest.name}", {"shared memory": memory.name})
