"""A VM cannot migrate while one of the hosts is not reachable: what is known of it is old or missing."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Finding, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, known


@check(
    title="Both hosts are connected",
    passed="Both hosts are connected.",
    needs=("source.identity", "target.identity", "guest.look"),
    unknown_blocks=True,
)
def hosts_answer(facts: Facts) -> Iterator[Finding]:
    look = known(facts.guest.look, "guest.look")
    if not look.answered:
        raise NotKnown("guest.look", Unknown(f"{facts.source.name} did not answer: {look.error}"))
    return iter(())
