"""libvirt refuses to migrate a guest while a block job (copy, commit, backup) works on one of its disks."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.kinds import LIVE_KINDS, SAME_HOST_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy
from migrations_app.domain.virsh import virsh


@check(
    title="The VM's disks have no running block job",
    passed="The VM's disks have no running block job.",
    needs=("guest.definition", "guest.block_jobs"),
    kinds=LIVE_KINDS | SAME_HOST_KINDS,
)
def block_jobs(facts: Facts) -> Iterator[Finding]:
    guest, host = guest_of(facts), facts.source.name
    mirrored = [disk.target for disk in guest.disks if disk.mirrored]
    for disk in dict.fromkeys((*known(facts.guest.block_jobs, "guest.block_jobs"), *mirrored)):
        words = f"Disk {disk} of {guest.name} has a running block job; until it ends, libvirt refuses to migrate."
        info = virsh("blockjob", guest.uuid, disk, flags=("--info",))
        look = remedy("Wait until it ends. This shows its progress.", run=info, on=host)
        stop = remedy("Or abort it.", run=virsh("blockjob", guest.uuid, disk, flags=("--abort",)), on=host)
        yield finding(Severity.BLOCKER, words, f"disk {disk}", {"disk": disk}, look, stop)
