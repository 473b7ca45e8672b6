"""Folders of the host inside a guest. libvirt refuses virtiofs up to version 10; newer ones ask virtiofsd.

QEMU refuses 9p as long as the guest has it mounted, which cannot be seen from outside.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.host import version_text
from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy

VIRTIOFS_MAY_MIGRATE = 11_000_000


@check(
    title="The VM uses no folder of the source",
    passed="The VM uses no folder of the source.",
    needs=("guest.definition", "source.identity"),
    kinds=LIVE_KINDS,
)
def shared_folders(facts: Facts) -> Iterator[Finding]:
    guest, libvirt = guest_of(facts), known(facts.source.identity, "source.identity").libvirt
    for folder in guest.filesystems:
        refused = folder.startswith("virtiofs") and libvirt < VIRTIOFS_MAY_MIGRATE
        why = "libvirt refuses to migrate it" if refused else "libvirt may refuse to migrate it"
        words = f"{guest.name} uses a folder of {facts.source.name} ({folder}); {why}."
        evidence = {"folder": folder, f"libvirt on {facts.source.name}": version_text(libvirt)}
        fix = remedy("Unmount it in the VM and detach it, then migrate.")
        severity = Severity.BLOCKER if refused else Severity.WARNING
        yield finding(severity, words, f"folder {folder}", evidence, fix)
