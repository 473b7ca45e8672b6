"""A guest with the host's CPU as it is (host-passthrough, maximum) is safe to migrate only between equal CPUs.

libvirt does not refuse it. The guest may use an instruction that the other CPU does not have, at any time later; and
one that has more changes under the guest what it has found at its start.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import AT_NEXT_START, NotKnown, finding, guest_of, known, remedy

AS_THE_HOST = ("host-passthrough", "maximum")


@check(
    title="The VM is independent of the source's CPU",
    passed="The VM is independent of the source's CPU.",
    needs=("guest.definition",),
    kinds=LIVE_KINDS,
)
def cpu_passthrough(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    if guest.virt_type != "kvm" or guest.cpu.mode not in AS_THE_HOST:
        return
    here = known(facts.source.capabilities, "source.capabilities")
    there = known(facts.target.capabilities, "target.capabilities")
    for host, caps in ((source, here), (target, there)):
        if not caps.cpu_model:
            raise NotKnown("CPU model", Unknown(f"{host} does not report its CPU."))
    missing, added = here.cpu_features - there.cpu_features, there.cpu_features - here.cpu_features
    if missing or added or here.cpu_model != there.cpu_model:
        words = (
            f"{guest.name} uses the CPU of {source} as it is ({guest.cpu.mode}), and {target} has a different one:"
            " the VM may crash there."
        )
        lost, new = (", ".join(sorted(features)) or "none" for features in (missing, added))
        evidence = {
            source: here.cpu_model,
            target: there.cpu_model,
            f"missing on {target}": lost,
            f"only on {target}": new,
        }
        fix = remedy(f"Give the VM a named CPU model that both hosts support; {AT_NEXT_START}")
        yield finding(Severity.WARNING, words, "CPU", evidence, fix)
