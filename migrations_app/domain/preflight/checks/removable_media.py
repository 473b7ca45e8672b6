"""A CD or floppy image with startup policy optional or requisite is ejected by libvirt when the destination lacks it.

The migration works; the guest finds the drive empty afterwards. A drive of the host has another medium there. With the
option eject, kvmweb takes out those that the destination is not seen to have.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.disks import REMOVABLE, place
from migrations_app.domain.leaving import EJECTED
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy


@check(
    title="Optional CDs and floppies are on the destination",
    passed="The VM keeps its CDs and floppies.",
    needs=storage.NEEDS,
)
def removable_media(facts: Facts) -> Iterator[Finding]:
    name, target = guest_of(facts).name, facts.target.name
    for disk in storage.disks_in_place(facts):
        if disk.type == "block" and disk.device in REMOVABLE:
            words = f"Drive {disk.target} of {name} is {place(disk)} of the host: on {target} it has another medium."
            fix = remedy("Eject it from the VM before you migrate, if the VM reads it.")
            yield finding(Severity.WARNING, words, f"disk {disk.target}", {"path": place(disk)}, fix)
        elif storage.may_be_taken_out(disk) and not storage.seen(facts, disk):
            drive = f"drive {disk.target} of {name}"
            words = f"kvmweb does not see {place(disk)} on {target}. If it is missing, {drive} will be empty."
            evidence = {"path": place(disk), "startup policy": disk.startup_policy}
            fix = remedy(f"Put it at the same path on {target}, if the VM needs it.")
            yield finding(Severity.WARNING, words, f"disk {disk.target}", evidence, fix)
    for drive in storage.ejected(facts):
        if disk_ := guest_of(facts).disk(drive):
            words = f"kvmweb ejects {place(disk_)} from drive {drive} of {name}: {target} is not seen to have it."
            then = remedy(f"Put it at the same path on {target}: kvmweb inserts it there after the migration.")
            fix = (
                remedy(f"{target} has another image there: drive {drive} stays empty.")
                if _other(facts, drive)
                else then
            )
            yield finding(Severity.WARNING, words, f"disk {drive}", {"path": place(disk_), EJECTED: drive}, fix)


def _other(facts: Facts, drive: str) -> bool:
    disk = guest_of(facts).disk(drive)
    return disk is not None and storage.other_medium(facts, disk) is True
