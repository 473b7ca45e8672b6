"""libvirt does not migrate checkpoints. kvmweb redefines them on the destination and lets libvirt check there that QEMU
has their dirty bitmaps, which it can do from 6.10 on."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.host import version_text
from migrations_app.domain.checkpoints import without
from migrations_app.domain.kinds import KIND
from migrations_app.domain.preflight import images, storage
from migrations_app.domain.preflight.check import ALL, Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import count, finding, guest_of, known, remedy, stays, version

VALIDATES = 6_010_000


@check(
    title="The VM's checkpoints stay usable",
    passed="The VM has no checkpoints.",
    needs=("guest.definition", "guest.checkpoints", "target.identity"),
    kinds=ALL,
)
def checkpoints(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    names = [one.name for one in known(facts.guest.checkpoints, "guest.checkpoints")]
    if not names:
        return
    target, number, said = facts.target.name, count(len(names), "checkpoint"), ", ".join(names)
    if stays(facts):
        words = f"{guest.name} has {number}, bound to its disks as they are now."
        yield finding(Severity.BLOCKER, words, f"VM {guest.name}", {"checkpoints": said}, remedy(without(names)))
        return
    if KIND[facts.request.kind].off:
        words = f"{guest.name} has {number}, which libvirt defines again only for a VM that runs; they would be lost."
        fixes = remedy("Start the VM and migrate it live."), remedy(f"Or delete them. {without(names)}")
        yield finding(Severity.BLOCKER, words, f"VM {guest.name}", {"checkpoints": said}, *fixes)
        return
    libvirt = version(known(facts.target.identity, "target.identity").libvirt, "libvirt", target)
    evidence = {"checkpoints": said, f"libvirt on {target}": version_text(libvirt)}
    affects = f"VM {guest.name}"
    why = ""
    if libvirt < VALIDATES:
        why = f"its libvirt {version_text(libvirt)} is too old"
    elif storage.copied_disks(facts) and not images.bitmaps_migrate(facts):
        why = "libvirt before 7.3 or QEMU before 6.0 does not migrate the bitmaps of copied disks"
    if why:
        words = f"{guest.name} has {number} that kvmweb cannot redefine on {target}: {why}."
        yield finding(Severity.WARNING, words, affects, evidence, remedy(without(names)))
    else:
        them = "it" if len(names) == 1 else "them"
        words = f"{guest.name} has {number}; kvmweb redefines {them} on {target} after the migration."
        yield finding(Severity.INFO, words, affects, evidence)
