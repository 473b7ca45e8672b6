"""The machine type is the guest's hardware: it cannot change in a migration, so the destination's QEMU must have it.

Red Hat, Ubuntu and upstream name theirs differently (pc-q35-rhel9.2.0, pc-q35-noble, pc-q35-7.2); a guest with a type
of one of them cannot run on another.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, finding, guest_of, known, remedy


@check(
    title="The destination has the VM's machine type",
    passed="The destination has the VM's machine type.",
    needs=("guest.definition", "target.capabilities"),
)
def machine_type(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    offers = known(facts.target.capabilities, "target.capabilities").guests
    there = [offer for offer in offers if offer.arch == guest.arch]
    machines = [machine for offer in there for machine in offer.machines]
    names = {machine.name for machine in machines} | {machine.canonical for machine in machines}
    # The answer for the guest's own emulator counts more than a list that may be another emulator's.
    asked = facts.target.domcaps
    own = not guest.emulator or guest.emulator in {offer.emulator for offer in there}
    if not isinstance(asked, Unknown) and (asked.machine == guest.machine or not own):
        return
    if not own or not names:
        reason = asked.reason if isinstance(asked, Unknown) else f"{target} has no emulator for {guest.arch}"
        raise NotKnown("machine type", Unknown(reason))
    if guest.machine and guest.machine not in names:
        words = f"QEMU on {target} does not support machine type {guest.machine}, which {guest.name} uses."
        evidence = {"needed": guest.machine, "there": _like(guest.machine, names)}
        fix = remedy("Choose another destination; a running VM cannot change its machine type.")
        yield finding(Severity.BLOCKER, words, "machine type", evidence, fix)


def _like(machine: str, names: set[str]) -> str:
    """The types of the same family ("pc-q35-..."); all of them would be too many to read."""
    family = "-".join(machine.split("-")[:2])
    return ", ".join(sorted(name for name in names if name.startswith(family))) or "none of this family"
