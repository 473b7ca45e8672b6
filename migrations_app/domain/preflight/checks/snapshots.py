"""libvirt refuses to migrate a guest that has snapshots of any kind: it does not migrate their records."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.preflight.check import ALL, Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import count, finding, guest_of, known, remedy, stays
from migrations_app.domain.virsh import virsh


@check(
    title="The VM has no snapshots",
    passed="The VM has no snapshots.",
    needs=("guest.definition", "guest.snapshots"),
    kinds=ALL,
)
def snapshots(facts: Facts) -> Iterator[Finding]:
    guest, number = guest_of(facts), known(facts.guest.snapshots, "guest.snapshots")
    if number:
        why = "they are bound to its disks as they are now" if stays(facts) else "libvirt refuses to migrate it"
        words = f"{guest.name} has {count(number, 'snapshot')}; {why}."
        text = "Delete all of them with virsh snapshot-delete. This lists them."
        fix = remedy(text, run=virsh("snapshot-list", guest.uuid), on=facts.source.name)
        yield finding(Severity.BLOCKER, words, f"VM {guest.name}", {"snapshots": str(number)}, fix)
