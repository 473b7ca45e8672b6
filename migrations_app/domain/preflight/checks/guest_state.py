"""What an unfinished migration or an error left behind must be settled first. In which states a VM can be migrated
at all is for kind_applies to say."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import GuestLook, RunState
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import ALL, Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, affected, finding, known, remedy
from migrations_app.domain.virsh import virsh

HALF_DONE = ("migration", "post-copy", "post-copy failed")
IO_ERROR = "I/O error"


@check(
    title="The VM is not stopped by another migration or an I/O error",
    passed="The VM is not stopped by another migration or an I/O error.",
    needs=("guest.look",),
    kinds=ALL,
)
def guest_state(facts: Facts) -> Iterator[Finding]:
    look, host, uuid = known(facts.guest.look, "guest.look"), facts.source.name, facts.request.guest
    name, affects = affected(facts)
    evidence = {"state": str(look.state), "reason": look.reason}
    if not look.answered:
        raise NotKnown("guest.look", Unknown(f"{host} did not answer: {look.error}"))
    if not look.present:
        fix = remedy("Find out which host has the VM now, and migrate it from there.")
        yield finding(Severity.BLOCKER, f"{name} is no longer on {host}.", affects, {"state": "absent"}, fix)
    elif _paused(look, *HALF_DONE):
        command = virsh("domstate", uuid, flags=("--reason",))
        fix = remedy("Check its state on both hosts.", run=command, on=host)
        words = f"{name} is paused by another migration that has not ended."
        yield finding(Severity.BLOCKER, words, affects, evidence, fix)
    elif _paused(look, IO_ERROR):
        severity = Severity.BLOCKER if facts.request.options.abort_on_error else Severity.WARNING
        fix = remedy(f"Repair the storage of {name} on {host} before you migrate it.")
        yield finding(severity, f"{name} is paused by an I/O error.", affects, evidence, fix)


def _paused(look: GuestLook, *reasons: str) -> bool:
    return look.state is RunState.PAUSED and look.reason in reasons
