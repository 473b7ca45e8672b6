"""Disks that are neither files, block devices nor network storage.

An NVMe drive by its PCI address is a device of this host and cannot be migrated: libvirt calls it unsafe. Of other
types (vhostuser, vhostvdpa, later ones) kvmweb does not learn what the destination has.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import STORED
from migrations_app.domain.disks import REMOVABLE
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import DETACH, finding, guest_of, remedy

DEVICES = ("nvme",)


@check(
    title="Every disk is of a type that can be migrated",
    passed="Every disk is of a type that can be migrated.",
    needs=("guest.definition",),
)
def disk_types(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    for disk in guest.disks:
        affects, evidence = f"disk {disk.target}", {"type": disk.type}
        if disk.type in DEVICES:
            words = f"Disk {disk.target} of {guest.name} is a device of {source} ({disk.type}) and cannot be migrated."
            fix = remedy(DETACH)
            yield finding(Severity.BLOCKER, words, affects, evidence, fix)
        elif disk.empty and disk.device not in REMOVABLE:
            words = f"Disk {disk.target} of {guest.name} has no source that kvmweb can read; libvirt may refuse it."
            fix = remedy("Check its source in the definition.")
            yield finding(Severity.UNKNOWN, words, affects, evidence, fix)
        elif disk.type not in ("", "network", *STORED):
            which = f"disk {disk.target} of {guest.name}"
            words = f"kvmweb cannot tell whether {target} can open {which}: it is of type {disk.type}."
            fix = remedy(f"Check that VMs on {target} can open the same disk.")
            yield finding(Severity.UNKNOWN, words, affects, evidence, fix)
