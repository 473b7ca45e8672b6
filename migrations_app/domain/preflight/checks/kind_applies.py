"""Each kind of migration needs the VM in certain states, and one that copies disks needs a disk to copy."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import RunState
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import may_be_copied
from migrations_app.domain.kinds import KIND, Kind
from migrations_app.domain.preflight.check import ALL, Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, affected, finding, guest_of, known, remedy
from migrations_app.domain.virsh import virsh

VERBS = {RunState.SHUTOFF: ("Start", "start"), RunState.PMSUSPENDED: ("Wake", "dompmwakeup")}
DOWN = {RunState.RUNNING: ("Shut down", "shutdown"), RunState.BLOCKED: ("Shut down", "shutdown")}


@check(
    title="The VM is in a state that the method can migrate",
    passed="The VM is in a state that the method can migrate.",
    needs=("guest.look",),
    kinds=ALL,
)
def kind_applies(facts: Facts) -> Iterator[Finding]:
    look, host, uuid = known(facts.guest.look, "guest.look"), facts.source.name, facts.request.guest
    name, affects = affected(facts)
    if not look.answered or not look.present:
        reason = f"{name} is no longer on {host}." if look.answered else f"{host} did not answer: {look.error}"
        raise NotKnown("guest.look", Unknown(reason))
    row = KIND[facts.request.kind]
    saved = facts.guest.managed_save is True
    if words := row.why_not(name, look.state, can_copy=None, saved=saved):
        verbs = DOWN if row.off and not row.stops else VERBS
        verb, command = verbs.get(look.state, ("", ""))
        text = f"{verb} it first: it continues from its saved state." if saved and not row.off else f"{verb} it first."
        fixes = [remedy(text, run=virsh(command, uuid), on=host)] if verb else []
        if look.state not in KIND[Kind.OFFLINE].unwanted:
            fixes.append(remedy("Or migrate it as it is: choose Offline.", kind=Kind.OFFLINE))
        yield finding(Severity.BLOCKER, words, affects, {"state": str(look.state), "reason": look.reason}, *fixes)
    elif row.copies:
        disks = guest_of(facts).disks
        words = row.why_not(name, look.state, can_copy=any(map(may_be_copied, disks)))
        if words:
            evidence = {"disks": ", ".join(disk.target for disk in disks) or "none"}
            yield finding(Severity.BLOCKER, words, affects, evidence, remedy("Choose a method that copies no disks."))
