"""What is known of a host that is not reachable is old. A disk gets a new place only when its host answers."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import SAME_HOST_KINDS
from migrations_app.domain.preflight.check import Finding, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, known


@check(
    title="The VM's host is connected",
    passed="The VM's host is connected.",
    needs=("source.identity", "guest.look"),
    unknown_blocks=True,
    kinds=SAME_HOST_KINDS,
)
def host_answers(facts: Facts) -> Iterator[Finding]:
    look = known(facts.guest.look, "guest.look")
    if not look.answered:
        raise NotKnown("guest.look", Unknown(f"{facts.source.name} did not answer: {look.error}"))
    return iter(())
