"""The image of a managed save stays on the source: libvirt migrates the definition without a word, and the next start
on the destination is a cold one. The saved state would be lost, so it blocks."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.kinds import OFF_KINDS, SAME_HOST_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy, stays
from migrations_app.domain.virsh import virsh


@check(
    title="The VM has no saved state",
    passed="The VM has no saved state (managed save).",
    needs=("guest.definition", "guest.managed_save"),
    unknown_blocks=True,
    kinds=OFF_KINDS | SAME_HOST_KINDS,
)
def saved_state(facts: Facts) -> Iterator[Finding]:
    guest, source = guest_of(facts), facts.source.name
    if known(facts.guest.managed_save, "guest.managed_save"):
        here = stays(facts)
        why = "which names its disks where they are now" if here else "which libvirt would leave behind"
        words = f"{guest.name} has a saved state on {source} (managed save), {why}."
        then = "and migrate its storage while it runs" if here else "and migrate it live"
        start = remedy(f"Start it, which restores its state, {then}.", run=virsh("start", guest.uuid), on=source)
        text = "Or discard the saved state, if nobody needs it. The VM then boots at its next start."
        discard = remedy(text, run=virsh("managedsave-remove", guest.uuid), on=source)
        yield finding(Severity.BLOCKER, words, f"VM {guest.name}", {"managed save": "yes"}, start, discard)
