"""A disk gets its new place in the VM's saved definition too: libvirt changes the running VM alone.

Where the two name different files, the next start would not use the disk that was copied.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.disks import place
from migrations_app.domain.kinds import SAME_HOST_KINDS
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy
from migrations_app.domain.virsh import virsh


@check(
    title="The VM's saved definition has the disks to copy",
    passed="The VM's saved definition has the disks to copy, at the same place.",
    needs=("guest.definition", "guest.persistent"),
    unknown_blocks=True,
    kinds=SAME_HOST_KINDS,
)
def saved_disks(facts: Facts) -> Iterator[Finding]:
    guest, host = guest_of(facts), facts.source.name
    persistent = known(facts.guest.persistent, "guest.persistent")
    if not persistent:
        words = f"{guest.name} is transient: it has no saved definition, and libvirt forgets it when it stops."
        run = virsh("dumpxml", guest.uuid, flags=("--migratable",))
        fix = remedy("Define it first: save what this prints to a file, and run virsh define FILE.", run=run, on=host)
        yield finding(Severity.BLOCKER, words, f"VM {guest.name}", {"persistent": "no"}, fix)
    saved = facts.saved.definition if facts.saved else guest
    for target in storage.copied_disks(facts):
        disk, other = guest.disk(target), saved.disk(target)
        if disk and (other is None or place(other) != place(disk)):
            has = f"names {place(other) or 'nothing'} there" if other else "does not have it"
            words = f"{guest.name} runs with disk {target} at {place(disk)}; its saved definition {has}."
            evidence = {"running": place(disk), "saved": place(other) if other else "none"}
            fix = remedy("Make both the same with virsh edit, or restart the VM with its saved definition.")
            yield finding(Severity.BLOCKER, words, f"disk {target}", evidence, fix)
