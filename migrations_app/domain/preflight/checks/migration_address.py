"""Without a registered migration address the destination's libvirt tells the source its own hostname.

The source must then resolve that name, the data take the network that the name leads to, and a name that begins with
"localhost" is refused by libvirt.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, known, remedy


@check(
    title="The destination has a migration address",
    passed="The destination has a registered migration address.",
)
def migration_address(facts: Facts) -> Iterator[Finding]:
    target = facts.target.name
    if facts.target.migration_address:
        return
    hostname = known(facts.target.identity, "target.identity").hostname
    refused = hostname.startswith("localhost")
    why = "libvirt refuses to use its hostname," if refused else "libvirt uses its hostname,"
    words = f"{target} has no migration address; {why} {hostname}."
    fix = remedy(f"Set the migration address of {target} in kvmweb.")
    severity = Severity.BLOCKER if refused else Severity.INFO
    evidence = {"hostname": hostname, "migration address": "not set"}
    yield finding(severity, words, f"host {target}", evidence, fix)
