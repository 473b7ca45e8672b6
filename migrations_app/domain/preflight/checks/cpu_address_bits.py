"""How many address bits the guest's CPU has must not change under it."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import AT_NEXT_START, finding, guest_of, known, remedy

BITS = ("cpu/maxphysaddr/@limit", "cpu/maxphysaddr/@bits")


@check(
    title="The destination's CPU has as many address bits as the VM's",
    passed="The VM's definition asks for no more CPU address bits than the destination has.",
    needs=("guest.definition",),
)
def cpu_address_bits(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    if not guest.values("cpu/maxphysaddr/@mode"):
        return
    there = known(facts.target.domcaps, "target.domcaps").address_bits
    wanted = [int(bits) for bits in guest.values(*BITS) if bits.isdecimal()]
    if not there or not wanted:
        words = f"kvmweb cannot tell whether the CPU of {target} has as many address bits as {guest.name} uses."
        yield finding(Severity.UNKNOWN, words, "CPU", {"needed": _said(wanted), target: _said([there])})
    elif max(wanted) > there:
        words = f"{guest.name} uses {max(wanted)} address bits; the CPU of {target} has {there}."
        fix = remedy(f"Set a number that both CPUs have (maxphysaddr); {AT_NEXT_START}")
        yield finding(Severity.BLOCKER, words, "CPU", {"needed": _said(wanted), target: _said([there])}, fix)


def _said(bits: list[int]) -> str:
    return ", ".join(str(number) for number in bits if number) or "not reported"
