"""A port that the definition fixes must be free on the destination. libvirt chooses the others itself."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.definition.needs import fixed_ports
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import AT_NEXT_START, finding, guest_of, known, remedy


@check(
    title="The fixed ports of the VM are free on the destination",
    passed="Every fixed port of the VM is free on the destination.",
    needs=("guest.definition",),
)
def ports_free(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    for port, what in fixed_ports(guest).items():
        if port in known(facts.target.ports, "target.ports"):
            words = f"Port {port}, which the {what} of {guest.name} needs, is in use on {target}."
            fix = remedy(f"Free the port there, or let libvirt choose it (autoport); {AT_NEXT_START}")
            yield finding(Severity.BLOCKER, words, f"port {port}", {f"in use on {target}": str(port)}, fix)
