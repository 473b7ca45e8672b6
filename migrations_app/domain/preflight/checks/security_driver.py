"""A running VM carries the label of its host's security driver. A host without that driver refuses the VM."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, finding, guest_of, known, remedy

NO_DRIVER = "none"


@check(
    title="The destination has the VM's security driver",
    passed="The destination has the security driver of every label of the VM.",
    needs=("guest.definition",),
)
def security_driver(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    paths = [path for path, _ in guest.leaves if path.endswith("seclabel/@model")]
    for model in guest.values(*paths):
        if model == NO_DRIVER:
            continue
        drivers = known(facts.target.capabilities, "target.capabilities").security_models
        if not drivers:
            raise NotKnown("security drivers", Unknown(f"{target} does not report its security drivers."))
        if model not in drivers:
            words = f"{guest.name} has a label of the security driver {model}, which libvirt on {target} does not use."
            evidence = {"label": model, f"drivers of {target}": ", ".join(sorted(drivers))}
            fix = remedy(f"Use the same security driver on both hosts (security_driver in qemu.conf of {target}).")
            yield finding(Severity.BLOCKER, words, f"label {model}", evidence, fix)
