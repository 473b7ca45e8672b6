"""Encrypted disks, network storage and TPMs name a secret, which must be defined on the destination too."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy

UUIDS, USAGES = ("secret/@uuid", "encryption/@secret"), ("secret/@usage",)


@check(
    title="The destination has the secrets of the VM",
    passed="The destination has every secret of the VM.",
    needs=("guest.definition",),
)
def secrets_present(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    for ends, by in ((UUIDS, "UUID"), (USAGES, "usage")):
        for wanted in guest.values(*(path for path, _ in guest.leaves if path.endswith(ends))):
            there = known(facts.target.secrets, "target.secrets")
            names = {secret.uuid for secret in there} if by == "UUID" else {secret.usage for secret in there}
            if (wanted.lower() if by == "UUID" else wanted) not in names:
                words = f"{target} does not have the secret that {guest.name} needs ({by} {wanted})."
                fix = remedy(f"Define the same secret on {target} and set its value (virsh secret-define).")
                yield finding(Severity.BLOCKER, words, f"secret {wanted}", {by: wanted}, fix)
