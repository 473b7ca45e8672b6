"""Does the destination's QEMU have the models of the VM's devices? Its domain capabilities list them."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.definition.offered import ROWS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy


@check(
    title="The destination's QEMU has the models of the VM's devices",
    passed="The destination's QEMU has the models of the VM's devices.",
    needs=("guest.definition",),
)
def device_models(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    for row in ROWS:
        for model in row.wanted(guest):
            offers = known(facts.target.domcaps, "target.domcaps").offers
            offered = offers.get((row.device, row.choice), None if offers.get((row.device, ""), True) else frozenset())
            what, evidence = f"{row.what} {model}", {"needed": model}
            if offered is None and row.always:
                words = f"libvirt on {target} does not report which {row.what}s it offers; {guest.name} needs {model}."
                yield finding(Severity.UNKNOWN, words, what, evidence)
            elif offered is not None and model not in offered:
                evidence[f"offered by {target}"] = ", ".join(sorted(offered)) or "none"
                fix = remedy(f"Install what provides it on {target}. {row.package}".strip())
                words = f"QEMU on {target} has no {what}, which {guest.name} uses."
                yield finding(Severity.BLOCKER, words, what, evidence, fix)
