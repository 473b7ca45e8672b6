"""libvirt refuses to move a guest with a disk in a file on a local file system, unless the disk is copied.

It asks the file system at the source; we see the pools. A pool of a shared type is shared. A directory
may be a mount of shared storage: unknown, unless the two hosts' answers prove that there are two file systems. Block
devices always pass libvirt's test, and so does a pool of a shared type that leads somewhere else.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from hosts.facts.storage import SHARED_POOL_TYPES, Pool
from migrations_app.domain.disks import place, same_storage
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy


@check(
    title="Disks that are not copied are on shared storage",
    passed="Every disk that is not copied is on storage that both hosts share.",
    needs=storage.NEEDS,
)
def storage_shared(facts: Facts) -> Iterator[Finding]:
    name, source, target = guest_of(facts).name, facts.source.name, facts.target.name
    for disk in storage.disks_in_place(facts):
        here, there = storage.source_pool(facts, disk), storage.target_pool(facts, disk)
        if disk.type == "network" or disk.readonly or (here and there and same_storage(here, there)):
            continue
        severity = _severity(facts, disk, here, there)
        words = {
            Severity.BLOCKER: f"is on local storage of {source}. libvirt: Migration without shared storage is unsafe.",
            Severity.UNKNOWN: f"is in a folder; whether {source} and {target} share it is not known.",
        }.get(severity, f"may be other storage on {target} than on {source}, and libvirt does not check it.")
        evidence = {
            "path": place(disk),
            f"pool on {source}": storage.pool_words(here),
            f"pool on {target}": storage.pool_words(there),
        }
        copy = remedy(f"Copy it: kind live_storage, copy_disks with {disk.target}.")
        yield finding(severity, f"Disk {disk.target} of {name} {words}", f"disk {disk.target}", evidence, copy)


def _severity(facts: Facts, disk: Disk, here: Pool | None, there: Pool | None) -> Severity:
    libvirt_passes_it = disk.type == "block" or (here and here.type in SHARED_POOL_TYPES)
    if libvirt_passes_it or facts.request.options.unsafe:
        return Severity.WARNING
    maybe = here and there and storage.target_volume(facts, disk) and here.capacity == there.capacity
    return Severity.UNKNOWN if maybe else Severity.BLOCKER
