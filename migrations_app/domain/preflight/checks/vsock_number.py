"""A VM's vsock number must be free on the destination. libvirt chooses another one there only if it may (auto)."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import AT_NEXT_START, finding, guest_of, remedy


@check(
    title="The VM's vsock number is free on the destination",
    passed="The VM has no fixed vsock number.",
    needs=("guest.definition",),
)
def vsock_number(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    numbers = guest.values("devices/vsock/cid/@address")
    if numbers and "yes" not in guest.values("devices/vsock/cid/@auto"):
        words = f"kvmweb cannot tell whether the vsock number {numbers[0]} of {guest.name} is free on {target}."
        fix = remedy(f"Let libvirt choose it (auto='yes'); {AT_NEXT_START}")
        yield finding(Severity.UNKNOWN, words, "vsock", {"number": numbers[0]}, fix)
