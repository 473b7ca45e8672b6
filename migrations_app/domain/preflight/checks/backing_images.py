"""The images that a disk builds on (qcow2 overlays) must be at the destination, and be the very same ones.

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
    title="The images that disks build on are at the destination",
    passed="The destination has every image that a disk builds on.",
    needs=storage.NEEDS,
)
def backing_images(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    copied = storage.copied_disks(facts)
    for disk in guest.disks:
        pull = virsh("blockpull", guest.uuid, disk.target, flags=("--wait",))
        whole = remedy("Or make the disk independent of it.", run=pull, on=source)
        for image in images_of(disk):
            severity, words = _judge(facts, image)
            if disk.target in copied and severity is Severity.BLOCKER:
                severity, words = Severity.UNKNOWN, f"{words}, and libvirt may need it although the disk is copied"
            if severity is not Severity.PASSED:
                evidence = {"image": image.path, **storage.place_words(facts, image)}
                fix = remedy(f"Give {source} and {target} one storage with it at {image.path}.")
                whose = storage.whose(facts, image) if storage.in_the_way(facts, image) else ""
                words = f"Disk {disk.target} builds on {image.path}; {words}. {whose}".rstrip()
                again = storage.read_again(facts, image)
                yield finding(severity, words, f"disk {disk.target}", evidence, *again, fix, whole)
        for place in disk.backing_elsewhere:
            words = f"Disk {disk.target} builds on an image ({place}); kvmweb cannot tell whether {target} reaches it."
            fix = remedy(f"Make sure that a VM on {target} can use it.")
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
        return Severity.BLOCKER, f"{target} has another image there: the sizes differ"
    return Severity.UNKNOWN, f"if the image on {target} is another one, it corrupts the VM's data without an error"
