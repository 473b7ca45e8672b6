"""A definition that contradicts itself is refused when it is defined. That of a VM cannot; a given one can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from migrations_app.domain.preflight.check import ALL, Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy


@check(
    title="The VM's definition does not contradict itself",
    passed="The VM's definition does not contradict itself.",
    needs=("guest.definition",),
    kinds=ALL,
)
def contradictions(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    fix = remedy("Correct the definition.")
    targets = Counter(disk.target for disk in guest.disks)
    for target, number in targets.items():
        if not target:
            words = f"{guest.name} has a disk without a target; libvirt refuses such a definition."
            yield finding(Severity.BLOCKER, words, "disk", {"target": "none"}, fix)
        elif number > 1:
            words = f"{guest.name} has {number} disks with the target {target}; libvirt refuses such a definition."
            yield finding(Severity.BLOCKER, words, f"disk {target}", {"target": target, "disks": str(number)}, fix)
    for what, said in (("memory", guest.memory_kib), ("CPUs", guest.vcpus if guest.values("vcpu") else 1)):
        if not said:
            words = f"{guest.name} has no {what}; libvirt refuses such a definition."
            yield finding(Severity.BLOCKER, words, "definition", {what: str(said)}, fix)
