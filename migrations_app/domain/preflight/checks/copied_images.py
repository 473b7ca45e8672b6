"""Copies of encrypted disks, of disks with a data file, of slices, and of images that the destination cannot make.

libvirt copies into a volume that kvmweb makes, which is a plain one. It is refused there ("No encryption in image
header", "Volume is not in LUKS format", "'data-file' can only be set for images with an external data file").
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from hosts.facts.storage import Qcow2Header
from migrations_app.domain.preflight import images, storage
from migrations_app.domain.preflight.check import ALL, Finding, Remedy, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy, stays


@check(
    title="The disks to copy are images that can be made again",
    passed="The images of the disks to copy can be made again; none is encrypted, a slice, or has a data file.",
    needs=storage.NEEDS,
    kinds=ALL,
)
def copied_images(facts: Facts) -> Iterator[Finding]:
    copied = storage.copied_disks(facts)
    for disk in guest_of(facts).disks:
        if disk.target in copied and (what := _special(disk)):
            words = f"Disk {disk.target} {what}; kvmweb cannot copy it."
            yield finding(Severity.BLOCKER, words, f"disk {disk.target}", {"disk": what}, _keep(facts, disk))
        elif disk.target in copied and _raw_with_bitmaps(facts, disk):
            words = f"The image of disk {disk.target} has bitmaps, which a raw copy cannot have."
            fix = remedy("Choose the format qcow2, or delete the VM's checkpoints.")
            yield finding(Severity.BLOCKER, words, f"disk {disk.target}", {"format": "raw"}, fix)
        elif disk.target in copied and (what := images.not_made(facts, disk)):
            words = f"{facts.target.name} is too old to make the copy of disk {disk.target} with {what}."
            fix = remedy(f"Update libvirt and QEMU on {facts.target.name}.")
            yield finding(Severity.BLOCKER, words, f"disk {disk.target}", {"image": what}, fix)


def _keep(facts: Facts, disk: Disk) -> Remedy:
    if stays(facts):
        return remedy(f"Leave disk {disk.target} where it is.")
    return remedy(f"Keep disk {disk.target} on storage that both hosts share, or copy it while the VM is shut off.")


def _raw_with_bitmaps(facts: Facts, disk: Disk) -> bool:
    """QEMU does not keep bitmaps in a raw image."""
    header = images.header(facts, disk) if storage.new_place(facts, disk).format != disk.format else None
    return isinstance(header, Qcow2Header) and header.bitmaps > 0


def _special(disk: Disk) -> str:
    if disk.encrypted or disk.format == "luks":
        return "is encrypted"
    if disk.data_files:
        return "keeps its data in a separate file"
    return "is a slice of an image" if disk.sliced else ""
