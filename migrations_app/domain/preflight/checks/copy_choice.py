"""Which disks can be copied: disks of this guest, in a format that kvmweb makes volumes of, into files. libvirt refuses
to copy what is empty or read-only. The copy of a block device is a file, so it needs a chosen pool."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import may_be_copied, place
from migrations_app.domain.placement import FORMATS
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import ALL, Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, finding, guest_of, known, remedy


@check(
    title="The chosen disks can be copied",
    passed="Every disk to copy is a file, or a block device with a pool for its copy, of a format that kvmweb copies.",
    needs=storage.NEEDS,
    kinds=ALL,
)
def copy_choice(facts: Facts) -> Iterator[Finding]:
    guest, copied = guest_of(facts), storage.copied_disks(facts)
    if facts.request.options.copy_disks is True and not copied and any(map(may_be_copied, guest.disks)):
        words = f"No disk of {guest.name} has to be copied: they are on storage that both hosts share. Choose Live."
        disks = ", ".join(disk.target for disk in guest.disks)
        yield finding(Severity.INFO, words, f"VM {guest.name}", {"disks": disks})
    for target in copied:
        if problem := _problem(facts, guest.disk(target)):
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
    if kind == "block" and disk.device == "lun":
        return "is a SCSI device that is passed through (lun); its copy would be a file, which cannot be."
    if kind == "block" and not ((new := facts.request.options.disks.get(disk.target)) and new.pool):
        return "is a block device; its copy is a file. Choose a pool for it."
    if kind not in ("file", "block"):
        return f"is not a file or block device (type {kind}); kvmweb cannot copy it."
    if disk.format not in FORMATS:
        return f"has the format {disk.format or 'unknown'}; kvmweb copies only {' and '.join(FORMATS)}."
    return ""
