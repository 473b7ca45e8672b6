"""A port that the definition fixes must be free at the destination. libvirt chooses the others itself."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.definition.needs import fixed_ports
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy


@check(
    title="The ports that the VM fixes are free at the destination",
    passed="Every port that the VM fixes is free at the destination.",
    needs=("guest.definition",),
)
def ports_free(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    for port, what in fixed_ports(guest).items():
        if port in known(facts.target.ports, "target.ports"):
            words = f"Port {port}, which the {what} of {guest.name} needs, is in use on {target}."
            fix = remedy("Let libvirt choose the port (autoport), from the VM's next start on, or free it there.")
            yield finding(Severity.BLOCKER, words, f"port {port}", {f"in use on {target}": str(port)}, fix)
