"""Migrations to newer versions are what the makers of libvirt and QEMU test.

Those to older versions often work as long as the machine type exists there; when the old QEMU cannot read the state of
a device, the migration fails and the guest keeps running on the source.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.host import version_text
from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, known, remedy, version


@check(
    title="The destination's libvirt and QEMU are as new as the source's",
    passed="libvirt and QEMU on the destination are at least as new as on the source.",
    needs=("source.identity", "target.identity"),
    kinds=LIVE_KINDS,
)
def version_order(facts: Facts) -> Iterator[Finding]:
    source, target = facts.source.name, facts.target.name
    here, there = (
        known(facts.source.identity, "source.identity"),
        known(facts.target.identity, "target.identity"),
    )
    silent: dict[str, str] = {}
    for what, ours, theirs in (("libvirt", here.libvirt, there.libvirt), ("QEMU", here.qemu, there.qemu)):
        if not (ours and theirs):
            silent[what] = target if ours else source
        elif theirs < ours:
            stays = f"If {target} refuses the VM, it stays on {source}."
            words = f"{what} on {target} is older than on {source}. {stays}"
            evidence = {source: version_text(ours), target: version_text(theirs)}
            fix = remedy(f"If it fails, upgrade {target} to the versions of {source}.")
            yield finding(Severity.WARNING, words, f"host {target}", evidence, fix)
    for what, host in silent.items():
        version(0, what, host)
