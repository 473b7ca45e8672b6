"""A CD or floppy image with startup policy optional or requisite is ejected by libvirt when the destination lacks it.

The migration works; the guest finds the drive empty afterwards. A drive of the host has another medium there.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.disks import REMOVABLE, place
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
