"""Room for the copied disks. kvmweb makes sparse volumes of the exact virtual size; they fill up as the VM writes. So
the whole size must be free, for all that are copied to one pool. With overcommit only what they use now must fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hosts.facts.storage import Pool, Volume
from migrations_app.domain.disks import folder, place
from migrations_app.domain.options import OPTION
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import ALL, Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import at_least, finding, guest_of, known, remedy, size, sizes


@check(
    title="There is room for the disks to copy",
    passed="The pools have room for every disk to copy.",
    needs=storage.NEEDS,
    unknown_blocks=True,
    kinds=ALL,
)
def copy_room(facts: Facts) -> Iterator[Finding]:
    source, host, copied = facts.source.name, facts.target.name, storage.copied_disks(facts)
    full: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for disk in guest_of(facts).disks:
        pool = storage.copy_pool(facts, disk)
        if disk.target not in copied or pool is None:
            continue
        volume = storage.source_volume(facts, disk)
        if isinstance(volume, Volume) and (volume.measured or not facts.request.options.allow_overcommit):
            full[pool.name] += volume.capacity
            used[pool.name] += volume.allocation if volume.measured else volume.capacity
        else:
            words = f"kvmweb cannot tell whether disk {disk.target} fits on {host}: {source} does not report its size."
            fix = remedy(f"Define a pool for {folder(disk.path)} on {source}, or refresh the one that is there.")
            said = {"path": place(disk), "free": size(pool.available)}
            yield finding(Severity.UNKNOWN, words, f"disk {disk.target}", said, fix)
    for pool in known(facts.target.pools, "target.pools"):
        if full[pool.name] > pool.available:
            yield _too_large(facts, pool, full[pool.name], used[pool.name])


def _too_large(facts: Facts, pool: Pool, full: int, used: int) -> Finding:
    overcommit, fits, name = facts.request.options.allow_overcommit, used <= pool.available, pool.name
    need, now, free = sizes(full, used, pool.available)
    words = f"Pool {name} on {facts.target.name} has {free} free; the disks to copy need {need} and use {now} now."
    severity, choice = Severity.BLOCKER, OPTION["allow_overcommit"]
    if overcommit and fits:
        severity, words = Severity.WARNING, f"{words} When the pool fills up, the VM is paused."
    short = (used if overcommit and not fits else full) - pool.available
    fixes = [remedy(f"Free at least {at_least(short)} in pool {name} on {facts.target.name}.")]
    if fits and not overcommit:
        fixes.append(remedy(f"Or choose “{choice.label}”. {choice.consequence}"))
    return finding(severity, words, f"pool {name}", {"needed": need, "used now": now, "free": free}, *fixes)
