"""libvirt refuses to migrate a guest with a transient disk: its writes are only in a scratch file on the source."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.disks import place
from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import AT_NEXT_START, finding, guest_of, remedy


@check(
    title="The VM has no transient disk",
    passed="The VM has no transient disk.",
    needs=("guest.definition",),
    kinds=LIVE_KINDS,
)
def transient_disks(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    for disk in guest.disks:
        if disk.transient:
            words = f"Disk {disk.target} of {guest.name} is transient; libvirt refuses to migrate the VM."
            fix = remedy(f"Remove <transient/> from disk {disk.target}; {AT_NEXT_START}")
            yield finding(Severity.BLOCKER, words, f"disk {disk.target}", {"path": place(disk)}, fix)
