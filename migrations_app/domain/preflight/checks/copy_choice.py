"""Which disks can be copied: disks of this guest, in files, in a format that kvmweb makes volumes of.

libvirt refuses to copy what is empty or read-only, and creates nothing for block devices.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import may_be_copied, place
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import ALL, Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, finding, guest_of, known, remedy

FORMATS = ("raw", "qcow2")


@check(
    title="The chosen disks can be copied",
    passed="Every disk to copy is in a file of a format that kvmweb copies.",
    needs=storage.NEEDS,
    kinds=ALL,
)
def copy_choice(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    copied = storage.copied_disks(facts)
    if facts.request.options.copy_disks is True and not copied and any(map(may_be_copied, guest.disks)):
        words = f"No disk of {guest.name} has to be copied: they are on storage that both hosts share. Choose Live."
        disks = ", ".join(disk.target for disk in guest.disks)
        yield finding(Severity.INFO, words, f"VM {guest.name}", {"disks": disks})
    for target in copied:
        problem = _problem(facts, guest.disk(target))
        if problem:
            disks = ", ".join(f"{disk.target} ({place(disk) or 'empty'})" for disk in guest.disks)
            fix = remedy(f"Leave {target} out of the disks to copy.")
            words = f"Disk {target} of {guest.name} {problem}"
            yield finding(Severity.BLOCKER, words, f"disk {target}", {"disks": disks}, fix)


def _problem(facts: Facts, disk: Disk | None) -> str:
    if disk is None:
        return "does not exist."
    if disk.readonly or disk.empty:
        return "is empty or read-only; libvirt does not copy such disks."
    kind = disk.type
    if kind == "volume":
        volume = known(storage.source_volume(facts, disk), "source.volumes")
        if volume is None:
            raise NotKnown("source.volumes", Unknown(f"{facts.source.name} does not report volume {place(disk)}."))
        kind = volume.type
    if kind != "file":
        return f"is not a file (type {kind}); kvmweb copies only disks in files."
    if disk.format not in FORMATS:
        return f"has the format {disk.format or 'unknown'}; kvmweb copies only {' and '.join(FORMATS)}."
    return ""
