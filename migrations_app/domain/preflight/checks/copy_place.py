"""A copied disk needs an active pool at the destination whose path is the folder of the disk.

What is there under the same name is never overwritten: it may be another VM's disk, or this very disk on shared
storage.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.disks import folder, place
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy, virsh


@check(
    title="The destination has a place for the copied disks",
    passed="The destination has a pool for every disk that is copied.",
    needs=storage.NEEDS,
    unknown_blocks=True,
)
def copy_place(facts: Facts) -> Iterator[Finding]:
    host, copied = facts.target.name, storage.copied_disks(facts)
    for disk in guest_of(facts).disks:
        if disk.target not in copied or disk.type not in ("file", "volume"):
            continue
        pool, path = storage.copy_pool(facts, disk), storage.copy_path(facts, disk)
        known(storage.target_volume(facts, disk), "target_volumes")
        evidence = {"path": place(disk), f"pool on {host}": storage.pool_words(pool)}
        if pool is None:
            which = f"that is called {disk.pool}" if disk.pool else f"with the path {folder(path)}"
            words = f"{host} has no pool {which} for the copy of disk {disk.target}."
            fix = remedy(f"Define and start such a pool on {host}.")
        elif not pool.active:
            words = f"Pool {pool.name} on {host}, needed for the copy of disk {disk.target}, is not active."
            fix = remedy(f"Start pool {pool.name}.", run=virsh("pool-start", pool.name), on=host)
        elif storage.seen(facts, disk):
            words = f"{host} has {path or place(disk)} already; the copy of disk {disk.target} would overwrite it."
            fix = remedy("Look what it is.", run=virsh("vol-info", path) if path else "", on=host)
        else:
            continue
        yield finding(Severity.BLOCKER, words, f"disk {disk.target}", evidence, fix)
