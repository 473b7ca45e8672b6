"""The host's page cache can hold stale blocks of a shared disk after a migration.

QEMU drops its cache of file disks at the switchover since 4.0 (block option drop-cache), and libvirt then accepts any
cache mode. With an older QEMU it refuses all but none and directsync. No cache attribute means writeback.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from hosts.facts.host import version_text
from migrations_app.domain import kinds, virsh
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Remedy, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import AT_NEXT_START, finding, guest_of, known, remedy, version

QEMU_DROPS_CACHE = 4_000_000
SAFE_MODES = ("none", "directsync")


@check(
    title="The cache modes of shared disks are safe",
    passed="No shared disk uses the host's page cache.",
    needs=(*storage.NEEDS, "source.identity"),
    kinds=kinds.LIVE_KINDS,
)
def cache_mode(facts: Facts) -> Iterator[Finding]:
    number = known(facts.source.identity, "source.identity").qemu
    cached = {disk.target: mode for disk in storage.disks_in_place(facts) if (mode := _cached(disk))}
    if not cached:
        return
    qemu = version(number, "QEMU", facts.source.name)
    disks = ", ".join(f"{target} ({mode})" for target, mode in cached.items())
    evidence = {"cache": disks, f"QEMU on {facts.source.name}": version_text(qemu)}
    affects = "disk " + ", ".join(cached)
    fixes = [_without_cache(facts, target) for target in cached]
    if qemu < QEMU_DROPS_CACHE and not facts.request.options.unsafe:
        words = f"libvirt refuses to migrate disks in the host's page cache with QEMU {version_text(qemu)}: {disks}."
        yield finding(Severity.BLOCKER, words, affects, evidence, *fixes)
    else:
        words = f"Disks go through the host's page cache, which QEMU drops at the switchover: {disks}."
        old = qemu < QEMU_DROPS_CACHE
        if old:
            words = f"Disks go through the host's page cache, which QEMU {version_text(qemu)} does not drop: {disks}."
        yield finding(Severity.WARNING if old else Severity.INFO, words, affects, evidence, *(fixes if old else []))


def _without_cache(facts: Facts, target: str) -> Remedy:
    guest = virsh.vm(guest_of(facts).name, facts.request.guest)
    command = virsh.line(["virt-xml", guest, "--edit", f"target={target}", "--disk", "cache=none"])
    return remedy(f"Set the cache mode none for disk {target}; {AT_NEXT_START}", run=command, on=facts.source.name)


def _cached(disk: Disk) -> str:
    """Its cache mode, "" when it does not go through the cache or does not matter."""
    mode = disk.cache if disk.cache not in ("", "default") else "writeback"
    untouched = disk.readonly or disk.shareable or disk.type == "network"
    return "" if mode in SAFE_MODES or untouched else mode
