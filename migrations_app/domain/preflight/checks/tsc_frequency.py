"""A VM with a fixed TSC frequency starts only on a host whose TSC has it, or can be scaled to it.

libvirt accepts a difference of 250 parts per million, as KVM does.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from hosts.facts.xml import number
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, finding, guest_of, known, remedy

TOLERANCE = 250 / 1_000_000


@check(
    title="The destination can keep the VM's TSC frequency",
    passed="The VM has no TSC frequency that the destination cannot keep.",
    needs=("guest.definition",),
)
def tsc_frequency(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    for wanted in filter(None, map(number, guest.values("clock/timer/@frequency"))):
        host = known(facts.target.capabilities, "target.capabilities")
        if not host.tsc_frequency:
            raise NotKnown("TSC", Unknown(f"libvirt on {target} does not report the TSC of its CPU."))
        if not host.tsc_scaling and abs(wanted - host.tsc_frequency) > wanted * TOLERANCE:
            words = f"{target} cannot keep the TSC frequency of {guest.name}."
            evidence = {"needed": _mhz(wanted), f"TSC of {target}": f"{_mhz(host.tsc_frequency)}, cannot be scaled"}
            fix = remedy("Choose a destination with TSC scaling, or with the same frequency.")
            yield finding(Severity.BLOCKER, words, "CPU", evidence, fix)


def _mhz(hertz: int) -> str:
    return f"{hertz / 1_000_000:.3f} MHz"
