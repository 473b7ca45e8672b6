"""QEMU has a highest number of vCPUs per machine type; it differs between versions."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy


@check(
    title="The destination supports the VM's number of vCPUs",
    passed="The destination supports the VM's number of vCPUs.",
    needs=("guest.definition", "target.domcaps"),
)
def vcpu_limit(facts: Facts) -> Iterator[Finding]:
    guest, limit = guest_of(facts), known(facts.target.domcaps, "target.domcaps").max_vcpus
    if 0 < limit < guest.vcpus:
        words = f"{guest.name} has {guest.vcpus} vCPUs; QEMU on {facts.target.name} supports at most {limit}."
        fix = remedy("Choose another destination.")
        yield finding(Severity.BLOCKER, words, "CPU", {"vCPUs": str(guest.vcpus), "limit": str(limit)}, fix)
