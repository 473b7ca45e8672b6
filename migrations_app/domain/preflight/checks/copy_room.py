"""Room for the copied disks. kvmweb makes sparse volumes of exactly the virtual size; they fill up as the guest writes.

So the whole virtual size must be free, for all disks that are copied to one pool together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hosts.facts.storage import Volume
from migrations_app.domain.disks import folder, place
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import at_least, finding, guest_of, known, remedy, size, sizes


@check(
    title="The destination has room for the disks to copy",
    passed="The pools on the destination have room for every disk to copy.",
    needs=storage.NEEDS,
    unknown_blocks=True,
)
def copy_room(facts: Facts) -> Iterator[Finding]:
    source, host, copied = facts.source.name, facts.target.name, storage.copied_disks(facts)
    needed: Counter[str] = Counter()
    for disk in guest_of(facts).disks:
        pool = storage.copy_pool(facts, disk)
        if disk.target not in copied or pool is None:
            continue
        volume = storage.source_volume(facts, disk)
        if isinstance(volume, Volume):
            needed[pool.name] += volume.capacity
        else:
            words = f"kvmweb cannot tell whether disk {disk.target} fits on {host}: {source} does not report its size."
            fix = remedy(f"Define a pool for {folder(disk.path)} on {source}, or refresh the one that is there.")
            evidence = {"path": place(disk), "free": size(pool.available)}
            yield finding(Severity.UNKNOWN, words, f"disk {disk.target}", evidence, fix)
    for pool in known(facts.target.pools, "target.pools"):
        missing = needed[pool.name] - pool.available
        if missing > 0:
            need, free = sizes(needed[pool.name], pool.available)
            words = f"Pool {pool.name} on {host} has {free} free; the disks to copy need {need}."
            fix = remedy(f"Free at least {at_least(missing)} in pool {pool.name} on {host}.")
            evidence = {"needed": need, "free": free}
            yield finding(Severity.BLOCKER, words, f"pool {pool.name}", evidence, fix)
