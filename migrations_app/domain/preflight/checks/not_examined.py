"""A definition is read whole. What no check judges may still stop the migration, so it is named here.

domain/definition has the list of all that libvirt's schemas allow, and for each place who judges it or why it is
harmless. What is not in the list is new, or not libvirt's: nobody can say what it does.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.definition.cover import Unread, unread
from migrations_app.domain.definition.secret import readable
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy

#: more are counted, not listed
MOST = 20


@check(
    title="The VM's definition has nothing that kvmweb does not examine",
    passed="kvmweb examines everything in the VM's definition.",
    needs=("guest.definition",),
)
def not_examined(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    found = unread(guest.leaves)
    fix = remedy(f"Find out whether libvirt migrates it, and whether {facts.target.name} has what it needs.")
    for part in found[:MOST]:
        value = readable(part.path, part.value)
        what = f"{part.path}={value[:80]}" if value else part.path
        words = f"Not examined: {what}. kvmweb cannot tell whether {guest.name} can migrate with it."
        yield finding(Severity.UNKNOWN, words, f"definition {part.path}", _evidence(part, value), fix)
    if len(found) > MOST:
        words = f"Not examined: {len(found) - MOST} more parts of the definition of {guest.name}."
        yield finding(Severity.UNKNOWN, words, "definition", {}, fix)


def _evidence(part: Unread, value: str) -> dict[str, str]:
    why = part.because or "kvmweb does not know this part of a definition."
    return {"in the definition": part.path, "value": value[:200] or "none", "why": why}
