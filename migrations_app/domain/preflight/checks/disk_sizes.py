"""The same path with another size is another disk: the guest would use somebody else's data."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.storage import Volume
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import MAYBE_OWN_DISK, REMOVABLE, Sharing, place
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, finding, guest_of, remedy, sizes
from migrations_app.domain.virsh import virsh


@check(
    title="Disks have the same size on both hosts",
    passed="No disk has another size on the destination.",
    needs=storage.NEEDS,
)
def disk_sizes(facts: Facts) -> Iterator[Finding]:
    name, source, target = guest_of(facts).name, facts.source.name, facts.target.name
    unread: list[Unknown] = []
    for disk in storage.disks_in_place(facts):
        if disk.device in REMOVABLE:
            continue  # media_content judges what is in a drive
        here, there = storage.source_volume(facts, disk), storage.target_volume(facts, disk)
        unread += [volume for volume in (here, there) if isinstance(volume, Unknown)]
        if isinstance(here, Volume) and isinstance(there, Volume) and here.capacity != there.capacity:
            ours, theirs = sizes(here.capacity, there.capacity)
            words = (
                f"Disk {disk.target} of {name} is {ours} on {source} and {theirs} on {target}. It may be another disk,"
            )
            own = "" if storage.shared(facts, disk) is Sharing.NO else MAYBE_OWN_DISK
            words = f"{words} or {target} last read its pool before the disk was resized. {own}".rstrip()
            evidence = {"path": place(disk), source: ours, target: theirs}
            again = remedy(f"Refresh pool {there.pool}.", run=virsh("pool-refresh", there.pool), on=target)
            same = remedy("If the sizes still differ, connect both hosts to the same storage.")
            yield finding(Severity.BLOCKER, words, f"disk {disk.target}", evidence, again, same)
    if unread:
        raise NotKnown("disk sizes", unread[0])
