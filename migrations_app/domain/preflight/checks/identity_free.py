"""The destination must not have another guest of this name, nor any with this UUID.

A shut-off definition with the same UUID and name is no error for libvirt: it replaces it silently.
That may be the only copy of somebody's settings, so it blocks here.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import RunState
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy
from migrations_app.domain.virsh import KEEP_STATE, virsh


@check(
    title="The VM's name and UUID are free on the destination",
    passed="The destination has no VM with this name or UUID.",
    needs=("target.same_uuid",),
    unknown_blocks=True,
)
def identity_free(facts: Facts) -> Iterator[Finding]:
    uuid, target = facts.request.guest, facts.target.name
    same_uuid = known(facts.target.same_uuid, "target.same_uuid")
    if same_uuid:
        evidence = {"UUID": uuid, f"name on {target}": same_uuid.name, "state": str(same_uuid.state)}
        fix = remedy(f"Find out why it is on {target}, and remove one of the two.")
        happens = "a VM must not run twice"
        if same_uuid.state is RunState.SHUTOFF:
            happens = "libvirt would replace its definition silently"
            command = virsh("undefine", uuid, flags=KEEP_STATE)
            fix = remedy("If nobody needs it, undefine it. Its disks are kept.", run=command, on=target)
        words = f"{target} already has a VM with this UUID, {same_uuid.name} ({same_uuid.state}); {happens}."
        yield finding(Severity.BLOCKER, words, f"VM {same_uuid.name}", evidence, fix)
    guest, same_name = guest_of(facts), known(facts.target.same_name, "target.same_name")
    name = facts.request.options.new_name or guest.name
    if same_name and same_name.uuid.lower() != uuid.lower():
        words = f"{target} already has another VM named {name} ({same_name.state})."
        evidence = {"name": name, "UUID": guest.uuid, f"UUID on {target}": same_name.uuid}
        command = virsh("domrename", same_name.uuid, f"{name}-old")
        fix = remedy(f"Rename the VM on {target}; it must be shut off for this.", run=command, on=target)
        other = remedy(f"Or give this VM {'another' if facts.request.options.new_name else 'a'} new name there.")
        yield finding(Severity.BLOCKER, words, f"VM {guest.name}", evidence, fix, other)
