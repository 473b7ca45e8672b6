"""Room for the copied disks. kvmweb makes sparse volumes of exactly the virtual size; they fill up as the guest writes.

So the whole virtual size must be free, for all disks that go to one pool together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hosts.facts.storage import Volume
from migrations_app.domain.disks import folder, place
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import MIB, finding, guest_of, known, remedy


@check(
    title="The destination has room for the copied disks",
    passed="The pools of the destination have room for every disk that is copied.",
    needs=storage.NEEDS,
    unknown_blocks=True,
)
def copy_room(facts: Facts) -> Iterator[Finding]:
    host, copied = facts.target.name, storage.copied_disks(facts)
    needed: Counter[str] = Counter()
    for disk in guest_of(facts).disks:
        pool = storage.copy_pool(facts, disk)
        if disk.target not in copied or pool is None:
            continue
        volume = storage.source_volume(facts, disk)
        if isinstance(volume, Volume):
            needed[pool.name] += volume.capacity
        else:
            words = f"The size of disk {disk.target} is not known, so whether {host} has room is not either."
            fix = remedy(f"Define a pool for {folder(disk.path)} on {facts.source.name}, or read it again.")
            evidence = {"path": place(disk), "free": f"{pool.available} bytes"}
            yield finding(Severity.UNKNOWN, words, f"disk {disk.target}", evidence, fix)
    for pool in known(facts.target.pools, "target.pools"):
        missing = needed[pool.name] - pool.available
        if missing > 0:
            words = f"Pool {pool.name} on {host} has not enough room for the copied disks."
            fix = remedy(f"Free at least {missing // MIB + 1} MiB in pool {pool.name} on {host}.")
            evidence = {"needed": f"{needed[pool.name]} bytes", "free": f"{pool.available} bytes"}
            yield finding(Severity.BLOCKER, words, f"pool {pool.name}", evidence, fix)
