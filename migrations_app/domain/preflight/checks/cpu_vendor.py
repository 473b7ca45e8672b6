"""A KVM guest runs on the host's own CPU; a running one hardly ever changes from Intel to AMD or back.

It can with a CPU model that names no vendor and that both can run: libvirt compares it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, finding, guest_of, known, remedy

#: of other architectures libvirt may not know the vendor, and it does not matter there
X86 = ("x86_64", "i686")


@check(
    title="The hosts' CPUs are from the same vendor",
    passed="The vendors of the hosts' CPUs are no obstacle.",
    needs=("guest.definition",),
    kinds=LIVE_KINDS,
)
def cpu_vendor(facts: Facts) -> Iterator[Finding]:
    if guest_of(facts).virt_type != "kvm":
        return
    name, source, target = guest_of(facts).name, facts.source.name, facts.target.name
    here = known(facts.source.capabilities, "source.capabilities")
    there = known(facts.target.capabilities, "target.capabilities")
    for host, caps in ((source, here), (target, there)):
        if not caps.cpu_vendor and guest_of(facts).arch in X86:
            raise NotKnown("CPU vendor", Unknown(f"{host} does not report the vendor of its CPU."))
    if here.cpu_vendor and there.cpu_vendor and here.cpu_vendor != there.cpu_vendor:
        vendors = f"{source} has a CPU from {here.cpu_vendor}, {target} one from {there.cpu_vendor}"
        evidence = {
            source: f"{here.cpu_vendor} {here.cpu_model}".strip(),
            target: f"{there.cpu_vendor} {there.cpu_model}".strip(),
        }
        fix = remedy("Choose another destination, or migrate the VM while it is shut off (virsh migrate --offline).")
        runs, cpu = facts.target.cpu, guest_of(facts).cpu
        if not isinstance(runs, Unknown) and runs[0] and cpu.mode == "custom" and not cpu.vendor:
            words = f"{vendors}. Both can run the CPU model {cpu.model}."
            yield finding(Severity.INFO, words, "CPU", evidence)
        else:
            words = f"{vendors}: {name} cannot migrate between them while it is running."
            yield finding(Severity.BLOCKER, words, "CPU", evidence, fix)
