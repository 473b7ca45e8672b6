"""QEMU has the firmware and the UEFI variables in memory, and takes no memory of another size ("Size mismatch").

Without a file of variables libvirt makes one on the destination, from its template; without a named template from the
one that belongs to the firmware.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy, sizes


@check(
    title="The VM's firmware has the same size on both hosts",
    passed="No firmware of the VM has another size on the destination.",
    needs=("guest.definition",),
)
def firmware_size(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    boot = guest.boot
    for what, path in (("firmware", boot.loader), ("file of UEFI variables", boot.nvram)):
        if not path:
            continue
        here = known(facts.source.firmware, "source.firmware").get(path, Unknown(f"{source} was not asked."))
        there, file = _there(facts, path)
        if here is None and path == boot.loader:
            here = Unknown(f"{source} does not have {path} any more.")
        if here is None or there is None:
            continue  # boot_files says what is missing
        affects, evidence = f"file {path}", {source: path, target: file}
        unread = [size for size in (here, there) if isinstance(size, Unknown)]
        if isinstance(here, Unknown) or isinstance(there, Unknown):
            words = f"kvmweb cannot tell whether the {what} of {guest.name} has the same size on {source} and {target}."
            evidence["why"] = " ".join(size.reason for size in unread)
            fixes = [remedy(size.remedy) for size in unread if size.remedy]
            yield finding(Severity.UNKNOWN, words, affects, evidence, *fixes)
        elif here != there:
            ours, theirs = sizes(here, there)
            words = f"The {what} of {guest.name} is {ours} on {source} and {theirs} on {target}: QEMU refuses that."
            evidence = {source: f"{path}, {ours}", target: f"{file}, {theirs}", "QEMU says": "Size mismatch"}
            fix = remedy(f"Put the same file there, or choose a destination with the same firmware as {source}.")
            yield finding(Severity.BLOCKER, words, affects, evidence, fix)


def _there(facts: Facts, path: str) -> tuple[int | Unknown | None, str]:
    """Its size on the destination and the file that has it: the template of variables that are not there yet."""
    boot, target = guest_of(facts).boot, facts.target.name
    sizes_there, unasked = known(facts.target.firmware, "target.firmware"), Unknown(f"{target} was not asked.")
    if sizes_there.get(path, unasked) is None and path == boot.nvram and boot.nvram_template:
        path = boot.nvram_template
    return sizes_there.get(path, unasked), path
