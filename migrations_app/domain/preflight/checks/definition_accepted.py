"""A definition that is checked before it is defined may be one that libvirt refuses, whatever kvmweb makes of it."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import affected, finding, known, remedy


@check(
    title="No host's libvirt refuses the definition",
    passed="No host's libvirt refused the definition.",
    needs=("source.refusal", "target.refusal"),
)
def definition_accepted(facts: Facts) -> Iterator[Finding]:
    name = affected(facts)[0]
    refusals = {
        facts.source.name: known(facts.source.refusal, "source.refusal"),
        facts.target.name: known(facts.target.refusal, "target.refusal"),
    }
    for host, said in refusals.items():
        if said:
            words = f"libvirt on {host} refuses the definition of {name}."
            fix = remedy("Correct the definition, or choose a host that supports it.")
            yield finding(Severity.BLOCKER, words, "definition", {"libvirt": said[:500]}, fix)
