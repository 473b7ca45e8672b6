"""Post-copy that could not be resumed after the network failed: the VM would be lost then.

libvirt resumes one since 8.5. On a destination with 11.2 or 11.3 its daemon crashes when it does (fixed in 11.4).
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.host import version_text
from migrations_app.domain.kinds import Kind
from migrations_app.domain.preflight.check import Finding, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.post_copy import against, wanted
from migrations_app.domain.preflight.shared import known, remedy, version

RESUMES = 8_005_000
CRASHES_FROM, CRASHES_FIXED = 11_002_000, 11_004_000


@check(
    title="The hosts can resume an interrupted post-copy",
    passed="Nobody asks for post-copy, or the hosts can resume it after an interruption.",
    kinds=frozenset({Kind.LIVE}),
)
def post_copy_hosts(facts: Facts) -> Iterator[Finding]:
    if not wanted(facts):
        return
    source, target = facts.source.name, facts.target.name
    here = version(known(facts.source.identity, "source.identity").libvirt, "libvirt", source)
    there = version(known(facts.target.identity, "target.identity").libvirt, "libvirt", target)
    evidence = {source: f"libvirt {version_text(here)}", target: f"libvirt {version_text(there)}"}
    lost = "the VM would be lost if the network fails."
    old = [host for host, number in ((source, here), (target, there)) if number < RESUMES]
    if old:
        words = f"Post-copy could not be resumed: that needs libvirt 8.5 or later on both hosts. Until its end {lost}"
        yield against(facts, words, evidence, remedy(f"Update libvirt on {' and '.join(old)}."))
    if CRASHES_FROM <= there < CRASHES_FIXED:
        words = (
            f"Post-copy could not be resumed: libvirt {version_text(there)} on {target} crashes then. Until its end"
            f" {lost}"
        )
        yield against(facts, words, evidence, remedy(f"Install libvirt 11.4 or later on {target}."))
