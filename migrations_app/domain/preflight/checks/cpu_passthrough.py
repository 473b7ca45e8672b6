"""A guest with the host's CPU as it is (host-passthrough, maximum) is safe to move only between equal CPUs.

libvirt does not refuse it. The guest may use an instruction that the other CPU does not have, at any time later.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy

AS_THE_HOST = ("host-passthrough", "maximum")


@check(
    title="The VM does not depend on this host's CPU",
    passed="The VM does not depend on this very host's CPU.",
    needs=("guest",),
)
def cpu_passthrough(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    if guest.virt_type != "kvm" or guest.cpu.mode not in AS_THE_HOST:
        return
    here = known(facts.source.capabilities, "source.capabilities")
    there = known(facts.target.capabilities, "target.capabilities")
    missing = here.cpu_features - there.cpu_features
    if missing or here.cpu_model != there.cpu_model:
        words = (
            f"{guest.name} uses the CPU of {source} as it is ({guest.cpu.mode}); the one of {target} differs, and the"
            " VM may crash there."
        )
        lost = ", ".join(sorted(missing)) or "none"
        evidence = {source: here.cpu_model, target: there.cpu_model, f"missing on {target}": lost}
        fix = remedy("Use a named CPU model that both hosts have, from the VM's next start on.")
        yield finding(Severity.WARNING, words, "CPU", evidence, fix)
