"""A live move needs a guest that runs or is paused. What a half-done move left behind must be settled first."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import GuestLook, RunState
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, finding, known, remedy, virsh

MOVES = (RunState.RUNNING, RunState.BLOCKED, RunState.PAUSED)
HALF_DONE = ("migration", "post-copy", "post-copy failed")
IO_ERROR = "I/O error"
WORDS = {
    RunState.SHUTOFF: "is shut off; a live move needs it running.",
    RunState.CRASHED: "has crashed; a live move needs it running.",
    RunState.PMSUSPENDED: "sleeps (suspended by its own system); a live move needs it awake.",
    RunState.SHUTDOWN: "is shutting down.",
}
VERBS = {RunState.SHUTOFF: "start", RunState.PMSUSPENDED: "dompmwakeup"}


@check(
    title="The VM is in a state that can move live",
    passed="The VM runs or is paused.",
    needs=("guest_look",),
)
def guest_state(facts: Facts) -> Iterator[Finding]:
    look, host, uuid = known(facts.guest_look, "guest_look"), facts.source.name, facts.request.guest
    # Of a VM that has just left there is no definition any more, and so no name.
    name, affects = "The VM", f"VM {uuid}"
    if not isinstance(facts.guest, Unknown):
        name, affects = facts.guest.name, f"VM {facts.guest.name}"
    evidence = {"state": str(look.state), "reason": look.reason}
    if not look.answered:
        raise NotKnown("guest_look", Unknown(f"{host} does not answer: {look.error}"))
    if not look.present:
        fix = remedy("Look where it is now, and start from there.")
        yield finding(Severity.BLOCKER, f"{name} is not on {host} any more.", affects, {"state": "absent"}, fix)
    elif look.state not in MOVES:
        verb = VERBS.get(look.state)
        fixes = [remedy("Bring it to run first.", run=virsh(verb, uuid), on=host)] if verb else []
        words = WORDS.get(look.state, "is in no state that can move live.")
        yield finding(Severity.BLOCKER, f"{name} {words}", affects, evidence, *fixes)
    elif _paused(look, *HALF_DONE):
        command = virsh("domstate", uuid, flags=("--reason",))
        fix = remedy("Look at its state on both hosts.", run=command, on=host)
        words = f"{name} is stopped in the middle of another migration."
        yield finding(Severity.BLOCKER, words, affects, evidence, fix)
    elif _paused(look, IO_ERROR):
        severity = Severity.BLOCKER if facts.request.options.abort_on_error else Severity.WARNING
        fix = remedy("Repair its storage before it moves.")
        yield finding(severity, f"{name} is paused by an I/O error.", affects, evidence, fix)


def _paused(look: GuestLook, *reasons: str) -> bool:
    return look.state is RunState.PAUSED and look.reason in reasons
