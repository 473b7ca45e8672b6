"""A copied disk needs an active pool with its folder's path on the destination. What has its name there stays."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from migrations_app.domain.disks import Sharing, folder, place
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import ALL, Finding, Remedy, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy

Problem = tuple[Severity, str, tuple[Remedy, ...]]


@check(
    title="There is a pool for every disk to copy",
    passed="There is a pool for every disk to copy.",
    needs=storage.NEEDS,
    unknown_blocks=True,
    kinds=ALL,
)
def copy_place(facts: Facts) -> Iterator[Finding]:
    copied = storage.copied_disks(facts)
    for disk in guest_of(facts).disks:
        if disk.target in copied and storage.new_place(facts, disk).type in ("file", "volume"):
            known(storage.target_volume(facts, disk), "target.volumes")
            said = {"path": place(disk), **storage.place_words(facts, disk)}
            for severity, words, fixes in (*_taken(facts, disk), *_pool(facts, disk)):
                yield finding(severity, words, f"disk {disk.target}", said, *fixes)


def _taken(facts: Facts, disk: Disk) -> Iterator[Problem]:
    target, path = facts.target.name, storage.target_path(facts, disk) or place(storage.new_place(facts, disk))
    shared, words, closer = storage.shared(facts, disk), storage.whose(facts, disk), storage.look_closer(facts, disk)
    has = f"{target} already has {path}, which the copy of disk {disk.target} would overwrite."
    leave = remedy(f"On shared storage it needs no copy: leave {disk.target} out of the disks to copy, or choose Live.")
    if shared is Sharing.PROVEN:
        whose, fix = storage.own_place(facts, disk, path)
        yield Severity.BLOCKER, whose, (fix or leave,)
    elif shared is Sharing.POSSIBLE and storage.in_the_way(facts, disk):
        yield Severity.BLOCKER, f"{has} {storage.open_question(facts, disk)} {words}", (leave, *closer)
    elif shared is Sharing.POSSIBLE:
        never = f"If {target} has {path}, the migration fails at its start and overwrites nothing."
        yield Severity.UNKNOWN, f"{storage.open_question(facts, disk)} {never} {words}", closer
    elif storage.in_the_way(facts, disk):
        whose, fix = storage.stranger(facts, path)
        yield Severity.BLOCKER, f"{has} {whose}", (fix,)


def _pool(facts: Facts, disk: Disk) -> Iterator[Problem]:
    host, pool, new = facts.target.name, storage.copy_pool(facts, disk), storage.new_place(facts, disk)
    if pool is None:
        which = f"named {new.pool}" if new.pool else f"with the path {folder(new.path)}"
        words = f"{host} has no pool {which}, which the copy of disk {disk.target} needs."
        yield Severity.BLOCKER, words, (remedy(f"Define such a pool on {host} and start it."),)
    elif not pool.active:
        words = f"Pool {pool.name} on {host} is not active; the copy of disk {disk.target} needs it."
        yield Severity.BLOCKER, words, (storage.start_pool(facts, pool),)
