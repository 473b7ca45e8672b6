"""Devices and features that QEMU on the source refuses to migrate. libvirt says so when the migration starts."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.host import version_text
from hosts.facts.unknown import Unknown
from migrations_app.domain.definition.unmigratable import INVTSC, invtsc, refused
from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import AT_NEXT_START, STOP_INSTEAD, finding, guest_of, remedy


@check(
    title="The VM has no device that QEMU refuses to migrate",
    passed="No device of the VM is known to stop a migration.",
    needs=("guest.definition",),
    kinds=LIVE_KINDS,
)
def unmigratable(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    fixes = remedy(f"Remove or replace it; {AT_NEXT_START}"), STOP_INSTEAD
    for part in refused(guest):
        words = f"{guest.name} has {part.what}: QEMU refuses to migrate it."
        written = f"{part.path}={part.value}" if part.value else part.path
        yield finding(Severity.BLOCKER, words, f"VM {guest.name}", _evidence(facts, written, part.words), *fixes)
    if invtsc(guest) == "optional":
        words = f"kvmweb cannot tell whether {guest.name} has the CPU feature invtsc, with which QEMU refuses it."
        fix = remedy(f"Disable the feature, or fix the TSC frequency; {AT_NEXT_START}")
        evidence = _evidence(facts, "cpu/feature/@name=invtsc, policy optional", INVTSC)
        yield finding(Severity.UNKNOWN, words, f"VM {guest.name}", evidence, fix)


def _evidence(facts: Facts, written: str, words: str) -> dict[str, str]:
    evidence = {"in the definition": written, "QEMU says": words}
    identity = facts.source.identity
    if not isinstance(identity, Unknown) and identity.qemu:
        evidence[f"QEMU on {facts.source.name}"] = version_text(identity.qemu)
    return evidence
