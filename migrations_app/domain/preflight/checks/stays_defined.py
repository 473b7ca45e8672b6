"""A transient VM exists only while it runs: after its shutdown nothing is left to migrate."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.kinds import STOP_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy


@check(
    title="The VM is defined on the source",
    passed="The VM is still defined on the source when it has shut down.",
    needs=("guest.definition", "guest.persistent"),
    unknown_blocks=True,
    kinds=STOP_KINDS,
)
def stays_defined(facts: Facts) -> Iterator[Finding]:
    guest, source = guest_of(facts), facts.source.name
    if known(facts.guest.persistent, "guest.persistent") is False:
        words = f"{guest.name} is transient: {source} forgets it when it shuts down."
        fix = remedy(f"Define it on {source} first.")
        yield finding(Severity.BLOCKER, words, f"VM {guest.name}", {"persistent": "no"}, fix)
