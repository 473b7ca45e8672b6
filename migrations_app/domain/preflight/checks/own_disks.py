"""A disk that gets a new place under its VM must be the VM's alone, and one that libvirt copies."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.disks import place
from migrations_app.domain.kinds import SAME_HOST_KINDS
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import AT_NEXT_START, finding, guest_of, remedy


@check(
    title="The disks to copy are this VM's alone",
    passed="No disk to copy is shareable or transient.",
    needs=storage.NEEDS,
    kinds=SAME_HOST_KINDS,
)
def own_disks(facts: Facts) -> Iterator[Finding]:
    copied = storage.copied_disks(facts)
    for disk in guest_of(facts).disks:
        if disk.target not in copied:
            continue
        if disk.shareable:
            words = f"Disk {disk.target} is shareable: other VMs that use it would not use the new disk."
            fix = remedy(f"Leave disk {disk.target} where it is.")
            yield finding(Severity.BLOCKER, words, f"disk {disk.target}", {"path": place(disk)}, fix)
        if disk.transient:
            words = f"Disk {disk.target} is transient; libvirt does not copy such a disk."
            fix = remedy(f"Remove <transient/> from disk {disk.target}; {AT_NEXT_START}")
            yield finding(Severity.BLOCKER, words, f"disk {disk.target}", {"path": place(disk)}, fix)
