"""What a half-done migration or an error left behind must be settled before a VM migrates. In which states a kind of
migration works at all says kind_applies."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import GuestLook, RunState
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, affected, finding, known, remedy
from migrations_app.domain.virsh import virsh

HALF_DONE = ("migration", "post-copy", "post-copy failed")
IO_ERROR = "I/O error"


@check(
    title="Nothing else stopped the VM",
    passed="Neither another migration nor an I/O error stopped the VM.",
    needs=("guest.look",),
)
def guest_state(facts: Facts) -> Iterator[Finding]:
    look, host, uuid = known(facts.guest.look, "guest.look"), facts.source.name, facts.request.guest
    name, affects = affected(facts)
    evidence = {"state": str(look.state), "reason": look.reason}
    if not look.answered:
        raise NotKnown("guest.look", Unknown(f"{host} does not answer: {look.error}"))
    if not look.present:
        fix = remedy("Check where the VM is now, and migrate it from there.")
        yield finding(Severity.BLOCKER, f"{name} is no longer on {host}.", affects, {"state": "absent"}, fix)
    elif _paused(look, *HALF_DONE):
        command = virsh("domstate", uuid, flags=("--reason",))
        fix = remedy("Check its state on both hosts.", run=command, on=host)
        words = f"{name} is stopped in the middle of another migration."
        yield finding(Severity.BLOCKER, words, affects, evidence, fix)
    elif _paused(look, IO_ERROR):
        severity = Severity.BLOCKER if facts.request.options.abort_on_error else Severity.WARNING
        fix = remedy("Repair its storage before you migrate it.")
        yield finding(severity, f"{name} is paused by an I/O error.", affects, evidence, fix)


def _paused(look: GuestLook, *reasons: str) -> bool:
    return look.state is RunState.PAUSED and look.reason in reasons
