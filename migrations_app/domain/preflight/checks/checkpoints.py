"""libvirt does not migrate the records of checkpoints. kvmweb defines them again on the destination, which proves there
that QEMU has their dirty bitmaps: libvirt can do that from 6.10 on."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.host import version_text
from migrations_app.domain.checkpoints import without
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy, version

VALIDATES = 6_010_000


@check(
    title="The VM's checkpoints stay usable",
    passed="The VM has no checkpoints.",
    needs=("guest.definition", "guest.checkpoints", "target.identity"),
)
def checkpoints(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    names = [one.name for one in known(facts.guest.checkpoints, "guest.checkpoints")]
    if not names:
        return
    target, number = facts.target.name, f"{len(names)} checkpoint{'s' if len(names) > 1 else ''}"
    libvirt = version(known(facts.target.identity, "target.identity").libvirt, "libvirt", target)
    evidence = {"checkpoints": ", ".join(names), f"libvirt on {target}": version_text(libvirt)}
    affects = f"VM {guest.name}"
    if libvirt < VALIDATES:
        words = f"{guest.name} has {number}, which libvirt {version_text(libvirt)} on {target} cannot take over."
        fix = remedy(without(names))
        yield finding(Severity.WARNING, words, affects, evidence, fix)
    else:
        words = f"{guest.name} has {number}; kvmweb defines {'it' if len(names) == 1 else 'them'} again on {target}."
        yield finding(Severity.INFO, words, affects, evidence)
