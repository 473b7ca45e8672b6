"""libvirt does one job per guest at a time: a migration, save, dump or backup keeps every other one waiting."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import JobKind
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import ALL, Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, finding, guest_of, known, remedy
from migrations_app.domain.virsh import virsh


@check(
    title="The VM has no running libvirt job",
    passed="The VM has no running libvirt job.",
    needs=("guest.definition", "guest.look"),
    kinds=ALL,
)
def guest_busy(facts: Facts) -> Iterator[Finding]:
    guest, look, host = guest_of(facts), known(facts.guest.look, "guest.look"), facts.source.name
    if not look.answered or look.job is JobKind.UNKNOWN:
        reason = look.error or f"libvirt on {host} does not report whether {guest.name} has a job."
        raise NotKnown("guest.look", Unknown(reason, "Try again in a minute."))
    if look.job is not JobKind.NONE:
        words = f"{guest.name} already has a running libvirt job on {host}: {look.job}."
        fix = remedy("Wait until it ends. This shows its progress.", run=virsh("domjobinfo", guest.uuid), on=host)
        yield finding(Severity.BLOCKER, words, f"VM {guest.name}", {"job": str(look.job)}, fix)
