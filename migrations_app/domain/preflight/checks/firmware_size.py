"""QEMU has the firmware and the UEFI variables in memory, and takes no memory of another size ("Size mismatch")."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.firmware import FirmwareFile, firmware_files, offered
from migrations_app.domain.preflight.shared import finding, guest_of, remedy, sizes


@check(
    title="The VM's firmware has the same size on both hosts",
    passed="No firmware of the VM has another size on the destination.",
    needs=("guest.definition",),
    kinds=LIVE_KINDS,
)
def firmware_size(facts: Facts) -> Iterator[Finding]:
    source, target = facts.source.name, facts.target.name
    for each in firmware_files(facts):  # boot_files says what is missing
        if isinstance(each.here, Unknown) or isinstance(each.there, Unknown):
            yield _not_compared(facts, each)
        elif each.here != each.there:
            ours, theirs = sizes(each.here, each.there)
            what = f"{each.what} of {guest_of(facts).name}"
            words = f"The {what} is {ours} on {source} and {theirs} on {target}: QEMU refuses that."
            evidence = {source: f"{each.file}, {ours}", target: f"{each.file_there}, {theirs}"}
            fix = remedy(f"Put the same file there, or choose a destination with the same firmware as {source}.")
            yield finding(Severity.BLOCKER, words, f"file {each.file}", evidence | {"QEMU says": "Size mismatch"}, fix)


def _not_compared(facts: Facts, each: FirmwareFile) -> Finding:
    """Only a note where libvirt offers the same firmware: else every UEFI VM would be unknown without ssh."""
    source, target, guest = facts.source.name, facts.target.name, guest_of(facts).name
    severity = Severity.UNKNOWN
    words = f"kvmweb cannot compare the size of the {each.what} of {guest} on {source} and {target}."
    if offered(facts):
        words, severity = f"{words} libvirt on {target} offers firmware with the same path.", Severity.INFO
    unread = [size for size in (each.here, each.there) if isinstance(size, Unknown)]
    evidence = {source: each.file, target: each.file_there}
    evidence["why"] = " ".join(dict.fromkeys(size.reason for size in unread))
    fixes = [remedy(text) for text in dict.fromkeys(size.remedy for size in unread) if text]
    return finding(severity, words, f"file {each.file}", evidence, *fixes)
