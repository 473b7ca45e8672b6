"""The host's page cache can hold stale blocks of a shared disk after a migration.

QEMU drops its cache of file disks at the switchover since 4.0 (block option drop-cache), and libvirt then accepts any
cache mode. With an older QEMU it refuses all but none and directsync. No cache attribute means writeback.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.host import version_text
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import AT_NEXT_START, finding, guest_of, known, remedy, version

QEMU_DROPS_CACHE = 4_000_000
SAFE_MODES = ("none", "directsync")
RELIES = "its data are only safe because QEMU drops the host's page cache at the switchover"


@check(
    title="The cache modes of shared disks are safe",
    passed="No shared disk uses the host's page cache.",
    needs=(*storage.NEEDS, "source.identity"),
)
def cache_mode(facts: Facts) -> Iterator[Finding]:
    name, number = guest_of(facts).name, known(facts.source.identity, "source.identity").qemu
    for disk in storage.disks_in_place(facts):
        mode = disk.cache if disk.cache not in ("", "default") else "writeback"
        if mode in SAFE_MODES or disk.readonly or disk.shareable or disk.type == "network":
            continue
        qemu = version(number, "QEMU", facts.source.name)
        refused = qemu < QEMU_DROPS_CACHE and not facts.request.options.unsafe
        why = f"libvirt refuses to migrate it with QEMU {version_text(qemu)}" if refused else RELIES
        words = f"Disk {disk.target} of {name} uses cache mode {mode}; {why}."
        evidence = {"cache": disk.cache or "not set", f"QEMU on {facts.source.name}": version_text(qemu)}
        fix = remedy(f"Set cache='none' for disk {disk.target}; {AT_NEXT_START}")
        severity = Severity.BLOCKER if refused else Severity.WARNING
        yield finding(severity, words, f"disk {disk.target}", evidence, fix)
