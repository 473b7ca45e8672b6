"""Known bugs of libvirt versions that refuse certain guests on the destination.

libvirt 9.10 to 10.1 adds vmx features to guests with nested virtualization that were started by an older one. Before
11.10, with QEMU 10, it adds the feature ht to x86 guests with more than one thread per core. Distributions may have
fixed theirs: a warning; the guest keeps running on the source when the migration is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hosts.facts.host import version_text
from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy, version

VMX_FROM, VMX_FIXED = 9_010_000, 10_002_000
HT_FIXED, HT_QEMU = 11_010_000, 10_000_000
THREADS = re.compile(r"""<topology\b[^>]*\bthreads=["'](\d+)["']""")


@check(
    title="The VM is unaffected by known bugs of libvirt",
    passed="No known bug of these libvirt versions affects the VM.",
    needs=("guest.definition", "source.identity", "target.identity"),
    kinds=LIVE_KINDS,
)
def version_faults(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    cpu = guest.cpu
    here, there = (
        known(facts.source.identity, "source.identity"),
        known(facts.target.identity, "target.identity"),
    )
    nested = dict(cpu.features).get("vmx") in ("require", "force")
    threads = THREADS.search(cpu.xml)
    faults = []
    if nested and here.libvirt < VMX_FROM <= there.libvirt < VMX_FIXED:
        faults.append(("adds vmx features to VMs with nested virtualization", VMX_FIXED))
    x86 = guest_of(facts).arch in ("x86_64", "i686")
    threaded = x86 and threads and int(threads[1]) > 1 and there.libvirt < HT_FIXED
    if threaded and version(there.qemu, "QEMU", target) >= HT_QEMU:
        faults.append(("adds the CPU feature ht to VMs with several threads per core", HT_FIXED))
    for fault, fixed in faults:
        words = (
            f"A bug of libvirt {version_text(there.libvirt)} on {target} {fault}; libvirt may then refuse {guest.name}."
        )
        evidence = {
            source: version_text(here.libvirt),
            target: version_text(there.libvirt),
            "fixed in": version_text(fixed),
        }
        fix = remedy(f"If the migration is refused, install libvirt {version_text(fixed)} or later on {target}.")
        yield finding(Severity.WARNING, words, "CPU", evidence, fix)
