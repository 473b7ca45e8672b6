"""The images that a disk builds on (qcow2 overlays) must be on the destination, and be the very same ones.

libvirt's safety check looks at the topmost image only. Without the base QEMU does not start. With another image under
the same name it starts, and the VM's data are silently corrupt: only the same storage proves that it is not so.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from hosts.facts.storage import Volume
from migrations_app.domain.disks import Sharing, images_of
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy
from migrations_app.domain.virsh import virsh


@check(
    title="Every backing image is on the destination",
    passed="The destination has every backing image of the VM's disks.",
    needs=storage.NEEDS,
)
def backing_images(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    copied = storage.copied_disks(facts)  # those need no backing image
    for disk in (disk for disk in guest.disks if disk.target not in copied):
        which = f"Disk {disk.target} of {guest.name}"
        pull = virsh("blockpull", guest.uuid, disk.target, flags=("--wait",))
        whole = remedy("Or flatten the disk, so that it needs no backing image.", run=pull, on=source)
        for image in images_of(disk):
            severity, words = _judge(facts, image)
            if severity is not Severity.PASSED:
                evidence = {"image": image.path, **storage.place_words(facts, image)}
                fix = remedy(f"Put the image on storage that {source} and {target} share, at the same path.")
                whose = storage.whose(facts, image) if storage.in_the_way(facts, image) else ""
                words = f"{which} has the backing image {image.path}; {words}. {whose}".rstrip()
                fixes = (*storage.read_again(facts, image), fix, whole)
                yield finding(severity, words, f"disk {disk.target}", evidence, *fixes)
        for place in disk.backing_elsewhere:
            words = f"{which} has the backing image {place}; kvmweb cannot tell whether {target} can open it."
            fix = remedy(f"Check that VMs on {target} can open it.")
            yield finding(Severity.UNKNOWN, words, f"disk {disk.target}", {"image": place}, fix, whole)


def _judge(facts: Facts, image: Disk) -> tuple[Severity, str]:
    target, there = facts.target.name, storage.seen(facts, image)
    if there is False:
        return Severity.BLOCKER, f"{target} does not have it"
    if there is None:
        return Severity.UNKNOWN, f"kvmweb cannot tell whether {target} has it"
    if storage.shared(facts, image) is Sharing.PROVEN:
        return Severity.PASSED, ""
    here, other = storage.source_volume(facts, image), storage.target_volume(facts, image)
    if isinstance(here, Volume) and isinstance(other, Volume) and here.capacity != other.capacity:
        return Severity.BLOCKER, f"the image at this path on {target} has another size"
    return Severity.UNKNOWN, f"if {target} has another image at this path, the disk is silently corrupted"
