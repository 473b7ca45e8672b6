"""libvirt gives the destination the saved definition too, which the next start uses: can the VM start with it there?

The other checks judge it as they judge the running VM. What they say of both is said once, by themselves: what is
ejected from the running VM is judged here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.at_start import NEEDED, judge_start
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.facts.saved import SavedFacts
from migrations_app.domain.preflight.shared import guest_of, remedy
from migrations_app.domain.preflight.storage import ejected
from migrations_app.domain.virsh import virsh


@check(
    title="The VM can start on the destination with its saved definition",
    passed="The saved definition needs nothing more of the destination than the running VM.",
    needs=("guest.definition",),
    kinds=LIVE_KINDS,
)
def saved_definition(facts: Facts) -> Iterator[Finding]:
    saved, guest = facts.saved, guest_of(facts)
    if saved is None or not facts.request.options.persist:
        return
    stays = tuple(disk for disk in guest.disks if disk.target not in ejected(facts))
    runs = replace(guest, disks=stays)
    running = SavedFacts(definition=runs, domcaps=facts.target.domcaps, cpu=facts.target.cpu)
    told = {(one.check, one.summary) for one in judge_start(facts, running)}
    change = remedy("Or change the saved definition.", run=virsh("edit", guest.uuid), on=facts.source.name)
    for one in judge_start(facts, saved):
        if (one.check, one.summary) not in told and one.severity not in (Severity.PASSED, Severity.INFO):
            fails = f"After a shutdown, {guest.name} will not start on {facts.target.name} with its saved definition"
            certain = one.severity is Severity.BLOCKER and one.check in NEEDED
            words = f"{fails if certain else 'Saved definition, used at the next start'}: {one.summary}"
            severity = Severity.UNKNOWN if one.severity is Severity.UNKNOWN else Severity.WARNING
            fixes = (fix for fix in one.remedies if not fix.kind and "running VM" not in fix.text)
            yield replace(one, severity=severity, summary=words, remedies=(*fixes, change))
