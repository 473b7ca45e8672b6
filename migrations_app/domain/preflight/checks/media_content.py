"""A VM that has a CD or floppy mounted reads on from the image at the same path on the destination. With other content
there it gets wrong data, and QEMU does not notice."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from hosts.facts.storage import FileContent, Volume
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import Sharing
from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy, sizes

MIB_COMPARED = 16
HARM = "If the VM uses it, it reads wrong data."


@check(
    title="The CDs and floppies are the same on both hosts",
    passed="No CD or floppy of the VM has other content on the destination.",
    needs=storage.NEEDS,
    kinds=LIVE_KINDS,
)
def media_content(facts: Facts) -> Iterator[Finding]:
    for disk in storage.disks_in_place(facts):
        if storage.is_image(disk) and storage.seen(facts, disk) and storage.shared(facts, disk) is not Sharing.PROVEN:
            yield from _compare(facts, disk)


def _compare(facts: Facts, disk: Disk) -> Iterator[Finding]:
    source, target, path = facts.source.name, facts.target.name, storage.target_path(facts, disk)
    which = f"{'CD' if disk.device == 'cdrom' else 'floppy'} in drive {disk.target} of {guest_of(facts).name}"
    here, there = storage.media(facts, disk)
    contents = [content for content in (here, there) if isinstance(content, FileContent)]
    pools = (storage.source_volume(facts, disk), storage.target_volume(facts, disk))
    lengths = [content.size for content in contents]
    if len(contents) < 2:
        lengths = [volume.capacity for volume in pools if isinstance(volume, Volume)]
    eject = storage.eject(facts, disk, "Eject it from the VM.")
    other = remedy(f"Or put the same image there, if no VM on {target} uses the one that is there.")
    evidence, affects = {"path": path}, f"disk {disk.target}"
    if len(set(lengths)) == 2:
        ours, theirs = sizes(*lengths)
        words = f"The {which} is {ours} on {source} and {theirs} on {target}: it is another one. {HARM}"
        yield finding(Severity.BLOCKER, words, affects, evidence | {source: ours, target: theirs}, *eject, other)
    elif len(contents) == 2 and here != there:
        words = f"The {which} has other content on {target}, in an image of the same size. {HARM}"
        evidence |= {"compared": f"the content, by SHA-256 of up to {MIB_COMPARED} MiB"}
        yield finding(Severity.BLOCKER, words, affects, evidence, *eject, other)
    elif len(contents) < 2:
        why = [content for content in (here, there) if isinstance(content, Unknown)]
        words = f"kvmweb cannot tell whether the {which} has the same content on {target}."
        fixes = [remedy(text) for text in dict.fromkeys(each.remedy for each in why) if text]
        reasons = {"why": " ".join(dict.fromkeys(each.reason for each in why))}
        yield finding(Severity.UNKNOWN, words, affects, evidence | reasons, *fixes, *storage.eject(facts, disk))
