"""The VM must end when it shuts down, and there must be a way to ask it: its agent, or the ACPI power button.

Whether its operating system obeys shows only when it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import GuestDefinition
from migrations_app.domain.kinds import STOP_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy
from migrations_app.domain.virsh import virsh

#: libvirt's default when the definition says nothing
ENDS = "destroy"


@check(
    title="The VM ends when it is asked to shut down",
    passed="The VM can be asked to shut down, and ends then.",
    needs=("guest.definition",),
    kinds=STOP_KINDS,
)
def clean_shutdown(facts: Facts) -> Iterator[Finding]:
    guest, source = guest_of(facts), facts.source.name
    change = virsh("edit", guest.uuid)
    then = (guest.values("on_poweroff") or (ENDS,))[0]
    if then != ENDS:
        words = f"{guest.name} does not end when it shuts down: its definition says on_poweroff {then}."
        fix = remedy("Set on_poweroff to destroy; it takes effect at its next start.", run=change, on=source)
        yield finding(Severity.BLOCKER, words, f"VM {guest.name}", {"on_poweroff": then}, fix)
    if not (_has_acpi(guest) or guest.has_agent):
        words = f"{guest.name} has neither ACPI nor a channel for the guest agent: nothing can ask it to shut down."
        fix = remedy("Shut it down from inside, and choose Offline.")
        yield finding(Severity.BLOCKER, words, f"VM {guest.name}", {"ACPI": "no", "guest agent": "no"}, fix)


def _has_acpi(guest: GuestDefinition) -> bool:
    return any(path == "features/acpi" for path, _ in guest.leaves)
