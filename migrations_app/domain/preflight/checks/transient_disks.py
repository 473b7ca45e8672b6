"""libvirt refuses to migrate a guest with a transient disk: what it has written exists only in a scratch file here."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.disks import place
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy


@check(title="The VM has no transient disk", passed="The VM has no transient disk.", needs=("guest.definition",))
def transient_disks(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    for disk in guest.disks:
        if disk.transient:
            words = f"Disk {disk.target} of {guest.name} is transient; libvirt refuses to migrate it."
            fix = remedy("Remove <transient/> from the disk, from the VM's next start on.")
            yield finding(Severity.BLOCKER, words, f"disk {disk.target}", {"path": place(disk)}, fix)
