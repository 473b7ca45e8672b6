"""The disk of a VM that is shut off is copied as a file, byte for byte, so that both can be compared. QEMU copies what
a running VM sees, and so can give it another format and make it flat."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import RunState
from migrations_app.domain.kinds import SAME_HOST_KINDS
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy
from migrations_app.domain.preflight.whole import why_not_whole
from migrations_app.domain.virsh import virsh


@check(
    title="The disks of a VM that is shut off can be copied as they are",
    passed="The VM runs, or its disks to copy are volumes that can be copied as they are.",
    needs=(*storage.NEEDS, "guest.look"),
    unknown_blocks=True,
    kinds=SAME_HOST_KINDS,
)
def whole_volumes(facts: Facts) -> Iterator[Finding]:
    if known(facts.guest.look, "guest.look").state is not RunState.SHUTOFF:
        return
    guest, copied = guest_of(facts), storage.copied_disks(facts)
    for disk in guest.disks:
        if disk.target in copied and (why := why_not_whole(facts, disk)):
            fix = remedy(
                "Start the VM: QEMU then copies the disk.", run=virsh("start", guest.uuid), on=facts.source.name
            )
            words = f"{guest.name} is shut off, and disk {disk.target} {why}."
            yield finding(Severity.BLOCKER, words, f"disk {disk.target}", {"path": storage.here(facts).path(disk)}, fix)
