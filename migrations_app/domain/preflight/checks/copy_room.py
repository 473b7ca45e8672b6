"""Room for the copied disks. kvmweb makes sparse volumes of exactly the virtual size; they fill up as the guest writes.

So the whole virtual size must be free, for all disks that go to one pool together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hosts.facts.storage import Volume
from kvmweb.ui.units import size
from migrations_app.domain.disks import folder, place
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy


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
            words = f"kvmweb cannot tell whether {host} has room: no pool shows the size of disk {disk.target}."
            fix = remedy(f"Define a pool for {folder(disk.path)} on {facts.source.name}, or refresh the one it has.")
            evidence = {"path": place(disk), "free": size(pool.available)}
            yield finding(Severity.UNKNOWN, words, f"disk {disk.target}", evidence, fix)
    for pool in known(facts.target.pools, "target.pools"):
        missing = needed[pool.name] - pool.available
        if missing > 0:
            evidence = {"needed": size(needed[pool.name]), "free": size(pool.available)}
            words = (
                f"Pool {pool.name} on {host} has {evidence['free']} free; the copied disks need {evidence['needed']}."
            )
            fix = remedy(f"Free at least {size(missing)} in pool {pool.name} on {host}.")
            yield finding(Severity.BLOCKER, words, f"pool {pool.name}", evidence, fix)
