"""What the checks of a destination say of the source, where a VM that is shut off starts to migrate: whether libvirt
will refuse that there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from migrations_app.domain.placement import Placements
from migrations_app.domain.preflight.at_start import NEEDED
from migrations_app.domain.preflight.check import CHECKS, Finding, Severity
from migrations_app.domain.preflight.engine import run_one
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import guest_of

ASKED = NEEDED | {"bridges_present", "devices_there", "memory_free", "ports_free", "vcpu_limit"}

NOWHERE_ELSE = Placements()


def obstacles(facts: Facts) -> tuple[list[Finding], list[Finding]]:
    """What keeps the VM from starting on the source, and what may. Raises NotKnown."""
    found = list(_found(facts))
    sure = [one for one in found if _sure(facts, one)]
    return sure, [one for one in found if one not in sure]


def _found(facts: Facts) -> Iterator[Finding]:
    if facts.home is None:
        return
    request = replace(facts.request, options=facts.request.options.changed(copy_disks=(), disks=NOWHERE_ELSE))
    start = replace(facts, request=request, target=facts.home, saved=None, starts=True)
    for name in sorted(ASKED):
        for one in run_one(CHECKS[name], start):
            only_cut_off = name == "bridges_present" and one.evidence.get("state") == "down"
            if one.severity is Severity.BLOCKER and not only_cut_off:
                yield one


def _sure(facts: Facts, one: Finding) -> bool:
    """The kernel gives memory only when it is used, libvirt needs the template only without variables, and a definition
    may say that libvirt does not compare the CPU."""
    if one.check == "cpu_model":
        return "none" not in guest_of(facts).values("cpu/@check")
    return one.check != "memory_free" and "template of UEFI variables" not in one.evidence
