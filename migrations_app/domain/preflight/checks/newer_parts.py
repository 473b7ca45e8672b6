"""Parts of the definition that an older libvirt on the destination may not know.

libvirt drops elements and attributes that it does not know without a word: the VM would get another device than it has.
Values that it does not know it refuses.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.host import version_text
from migrations_app.domain.definition.schema import newer
from migrations_app.domain.definition.secret import readable
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy, version


@check(
    title="The destination's libvirt knows every part of the VM's definition",
    passed="The destination's libvirt is new enough for every part of the VM's definition.",
    needs=("guest.definition", "target.identity"),
)
def newer_parts(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    there = version(known(facts.target.identity, "target.identity").libvirt, "libvirt", target)
    for path, value, since in newer(guest.leaves, than=there):
        what = f"{path}={readable(path, value)[:80]}" if value else path
        words = f"libvirt on {target} may be too old for {what}, which {guest.name} uses."
        evidence = {
            "in the definition": what,
            "kvmweb has seen it in": f"libvirt {version_text(since)}",
            f"libvirt on {target}": version_text(there),
        }
        fix = remedy(f"Check that libvirt on {target} supports it, or upgrade libvirt there.")
        yield finding(Severity.UNKNOWN, words, f"definition {path}", evidence, fix)
