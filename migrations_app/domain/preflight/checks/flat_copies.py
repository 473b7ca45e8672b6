"""Copies have all data of the images that their disks build on in themselves: libvirt copies what the VM sees."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import ALL, Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of


@check(
    title="No copy needs another image",
    passed="No copied disk has a backing image.",
    needs=storage.NEEDS,
    kinds=ALL,
)
def flat_copies(facts: Facts) -> Iterator[Finding]:
    copied = storage.copied_disks(facts)
    for disk in guest_of(facts).disks:
        if disk.target in copied and (images := ", ".join((*disk.backing, *disk.backing_elsewhere))):
            words = f"The copy of disk {disk.target} is flat: it needs none of the backing images."
            yield finding(Severity.INFO, words, f"disk {disk.target}", {"images": images})
