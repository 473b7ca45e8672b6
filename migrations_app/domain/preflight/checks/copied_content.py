"""What a qcow2 image has and its copy does not: that has its compat level, cluster size, lazy refcounts, L2 entries."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import place
from migrations_app.domain.preflight import images, storage
from migrations_app.domain.preflight.check import ALL, Finding, Remedy, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import count, finding, guest_of, remedy

Said = tuple[Severity, str, tuple[Remedy, ...]]


@check(
    title="The copies of disks have all that their images have",
    passed="Every copied disk keeps all that its image has.",
    needs=storage.NEEDS,
    kinds=ALL,
)
def copied_content(facts: Facts) -> Iterator[Finding]:
    copied = storage.copied_disks(facts)
    for disk in guest_of(facts).disks:
        if disk.target in copied and disk.format == "qcow2":
            for severity, words, fixes in _not_copied(facts, disk):
                yield finding(severity, words, f"disk {disk.target}", {"image": place(disk)}, *fixes)


def _not_copied(facts: Facts, disk: Disk) -> Iterator[Said]:
    which, image = f"The image of disk {disk.target}", images.header(facts, disk)
    if isinstance(image, Unknown):
        yield _unread(facts, disk, image)
        return
    if image.bitmaps and not images.bitmaps_migrate(facts):
        words = f"{which} has {count(image.bitmaps, 'bitmap')}; {images.bitmaps_lost(facts)}."
        yield Severity.WARNING, words, (remedy("Make a full backup after the migration."),)
    if image.snapshots:
        words = f"{which} has {count(image.snapshots, 'internal snapshot')}; its copy has none."
        yield Severity.WARNING, words, (remedy("Keep the old image as long as you need its snapshots."),)
    if image.data_file and not disk.data_files:  # copied_images refuses those that libvirt knows
        yield Severity.WARNING, f"{which} keeps its data in a separate file; its copy keeps it in the image.", ()
    same = storage.new_place(facts, disk).format == disk.format
    if image.refcount_bits != 16 and same:
        yield Severity.INFO, f"{which} has refcounts of {image.refcount_bits} bits; its copy has 16.", ()
    if image.compression != "zlib" and same:
        yield Severity.INFO, f"{which} uses {image.compression} for compression; its copy uses zlib.", ()


def _unread(facts: Facts, disk: Disk, why: Unknown) -> Said:
    """Only a note where the pool tells how the image is made: else every copy would be unknown without ssh."""
    which, fixes = f"the image of disk {disk.target}", (remedy(why.remedy),) if why.remedy else ()
    lost = "internal snapshots" if images.bitmaps_migrate(facts) else "bitmaps or internal snapshots"
    words = f"kvmweb cannot tell whether {which} has {lost}, which are not copied."
    if images.source_image(facts, disk) is not None:
        return Severity.INFO, words, fixes
    words = f"{words} It does not see the image's compat level and features either: the copy gets compat 1.1."
    return Severity.UNKNOWN, words, fixes
