"""A definition that is checked before it is defined may clash with a VM that the source has already.

libvirt refuses to define it then, unless both name and UUID are those of one VM: that one gets the new definition.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import GuestStatus
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy


@check(
    title="No other VM on the source has the name or UUID",
    passed="No other VM on the source has this name or UUID.",
    needs=("source.same_uuid", "source.same_name"),
)
def identity_here(facts: Facts) -> Iterator[Finding]:
    same_uuid, same_name = (
        known(facts.source.same_uuid, "source.same_uuid"),
        known(facts.source.same_name, "source.same_name"),
    )
    guest, source = guest_of(facts), facts.source.name
    if same_uuid and same_uuid.name == guest.name:
        words = (
            f"{source} already has this VM ({same_uuid.state}). The definition that you gave was checked, not its own."
        )
        fix = remedy("To check the VM as it is, give its UUID instead of a definition.")
        yield finding(Severity.INFO, words, f"VM {guest.name}", _evidence(facts, same_uuid), fix)
        return
    for other, what in ((same_uuid, "UUID"), (same_name, "name")):
        if other:
            words = f"{source} has another VM with this {what}, {other.name}: libvirt refuses to define {guest.name}."
            fix = remedy(f"Choose another {what}, or undefine that VM first.")
            yield finding(Severity.BLOCKER, words, f"VM {other.name}", _evidence(facts, other), fix)


def _evidence(facts: Facts, other: GuestStatus) -> dict[str, str]:
    guest, source = guest_of(facts), facts.source.name
    return {
        "name": guest.name,
        "UUID": guest.uuid,
        f"name on {source}": other.name,
        f"UUID on {source}": other.uuid,
        "state": str(other.state),
    }
