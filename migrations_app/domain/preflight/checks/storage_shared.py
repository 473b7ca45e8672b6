"""libvirt refuses to migrate a guest with a disk in a file on a local file system, unless the disk is copied.

What it does not refuse (block devices, for one) may still be two storages: only the same source is a proof.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from hosts.facts.storage import BLOCK_POOL_TYPES, SHARED_POOL_TYPES
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import Sharing, place
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy

UNSAFE = "Migration without shared storage is unsafe."
EXPORTER_MAY_MIGRATE = 11_001_000  # from then on qemu.conf may call a folder shared that the host itself exports


@check(
    title="Disks that are not copied are on shared storage",
    passed="Every disk that is not copied is on storage that both hosts share.",
    needs=storage.NEEDS,
)
def storage_shared(facts: Facts) -> Iterator[Finding]:
    name, source, target = guest_of(facts).name, facts.source.name, facts.target.name
    for disk in storage.disks_in_place(facts):
        if disk.type == "network" or disk.readonly or storage.shared(facts, disk) is Sharing.PROVEN:
            continue
        severity, words = _judge(facts, disk)
        fixes = [remedy(f"Check that {source} and {target} have the same storage there.")]
        if storage.in_the_way(facts, disk):
            words = f"{words} {target} has a disk at this path. {storage.whose(facts, disk)}".rstrip()
            fixes += storage.look_closer(facts, disk)
        else:
            fixes.append(storage.copy_instead(facts, disk))
        evidence = {"path": place(disk), **storage.place_words(facts, disk)}
        yield finding(severity, f"Disk {disk.target} of {name} {words}", f"disk {disk.target}", evidence, *fixes)


def _judge(facts: Facts, disk: Disk) -> tuple[Severity, str]:
    source, target = facts.source.name, facts.target.name
    here, there = storage.source_pool(facts, disk), storage.target_pool(facts, disk)
    mount, other = storage.mounts_of(facts, disk)
    passes = (here and here.type in SHARED_POOL_TYPES) or (mount and mount.shared)
    block = disk.type == "block" or (here and here.type in BLOCK_POOL_TYPES)
    if facts.request.options.unsafe or block or passes:
        severity = Severity.UNKNOWN if passes and not facts.request.options.unsafe else Severity.WARNING
        return severity, storage.other_storage_words(facts, disk)
    libvirt = 0 if isinstance(facts.source.identity, Unknown) else facts.source.identity.libvirt
    exports = other is not None and other.shared and libvirt >= EXPORTER_MAY_MIGRATE
    if mount and mount.shared is False and not exports:
        return Severity.BLOCKER, f"is on local storage of {source}. libvirt refuses: “{UNSAFE}”"
    as_large = not (here and there) or here.capacity == there.capacity
    if mount or not (here and storage.is_in(here, disk)) or (storage.seen(facts, disk) and as_large):
        return Severity.UNKNOWN, f"is in a folder; kvmweb cannot tell whether {source} and {target} share it."
    return Severity.BLOCKER, f"may be on storage that the hosts do not share. libvirt then refuses: “{UNSAFE}”"
