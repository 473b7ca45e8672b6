"""libvirt names the file with a VM's UEFI variables after the VM, and the file keeps its name when the VM gets another
one. libvirt gives a later VM with the old name the same file, without a word. A definition that does not name the file
means the one with the new name, which is not there: the VM would start with empty variables."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy


@check(
    title="No file keeps an old name of the VM",
    passed="No file on the destination would keep an old name of the VM.",
    needs=("guest.definition",),
)
def old_name(facts: Facts) -> Iterator[Finding]:
    guest, target, new = guest_of(facts), facts.target.name, facts.request.options.new_name
    path, saved = guest.boot.nvram, facts.saved
    if not new or new == guest.name:
        return
    if guest.boot.nvram_by_name or (saved is not None and saved.definition.boot.nvram_by_name):
        words = f"libvirt names the file with the UEFI variables of {guest.name} after the VM: {new} would not find it."
        fix = remedy("Keep the name, or name the file in the definition: <nvram>FILE</nvram> in <os>.")
        yield finding(Severity.BLOCKER, words, f"VM {guest.name}", {"file": path, "new name": new}, fix)
    elif posixpath.basename(path).startswith(f"{guest.name}_VARS."):
        words = f"{guest.name} is named {new} on {target}, but its UEFI variables stay in {path}."
        fix = remedy(f"A new VM {guest.name} on {target} would use this file too: give it another one.")
        yield finding(Severity.WARNING, words, f"VM {guest.name}", {"file": path, "new name": new}, fix)
