"""CPUs and NUMA nodes that the definition names by number must exist on the destination: libvirt pins to them there."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.definition.numbers import beyond, ranges
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, finding, guest_of, known, remedy

CPUS = (
    "vcpu/@cpuset",
    "cputune/vcpupin/@cpuset",
    "cputune/emulatorpin/@cpuset",
    "cputune/iothreadpin/@cpuset",
)
NODES = ("numatune/memory/@nodeset", "numatune/memnode/@nodeset", "devices/memory/source/nodemask")


@check(
    title="The destination has the CPUs and NUMA nodes that the VM is pinned to",
    passed="The destination has every CPU and NUMA node that the VM is pinned to.",
    needs=("guest.definition",),
)
def cpu_pinning(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    for what, paths in (("CPU", CPUS), ("NUMA node", NODES)):
        for written in guest.values(*paths):
            capabilities = known(facts.target.capabilities, "target.capabilities")
            there = capabilities.cpu_numbers if what == "CPU" else capabilities.numa_nodes
            if not there:
                raise NotKnown(f"{what}s", Unknown(f"{target} does not report its {what}s."))
            if missing := beyond(written, there):
                words = f"{guest.name} is pinned to {what} {missing}, which {target} does not have."
                evidence = {"pinned to": written, f"{what}s of {target}": ranges(there)}
                fix = remedy(f"Pin {guest.name} to {what}s that both hosts have.")
                yield finding(Severity.BLOCKER, words, what, evidence, fix)
