"""The same path with another size is another disk: the guest would find somebody else's data under its feet."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.storage import Volume
from hosts.facts.unknown import Unknown
from kvmweb.ui.units import size
from migrations_app.domain.disks import MAYBE_OWN_DISK, Sharing, place
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, finding, remedy
from migrations_app.domain.virsh import virsh


@check(
    title="Disks have the same size on both hosts",
    passed="No disk has another size at the destination.",
    needs=storage.NEEDS,
)
def disk_sizes(facts: Facts) -> Iterator[Finding]:
    source, target = facts.source.name, facts.target.name
    unread: list[Unknown] = []
    for disk in storage.disks_in_place(facts):
        here, there = storage.source_volume(facts, disk), storage.target_volume(facts, disk)
        unread += [volume for volume in (here, there) if isinstance(volume, Unknown)]
        if isinstance(here, Volume) and isinstance(there, Volume) and here.capacity != there.capacity:
            words = f"{place(disk)} has another size on {target} than on {source}: it may be another disk, or was read"
            own = "" if storage.shared(facts, disk) is Sharing.NO else MAYBE_OWN_DISK
            words = f"{words} before it was resized. {own}".rstrip()
            evidence = {source: _exact(here), target: _exact(there)}
            again = remedy(f"Refresh pool {there.pool}.", run=virsh("pool-refresh", there.pool), on=target)
            same = remedy("If the sizes still differ, connect both hosts to the same storage.")
            yield finding(Severity.BLOCKER, words, f"disk {disk.target}", evidence, again, same)
    if unread:
        raise NotKnown("disk sizes", unread[0])


def _exact(volume: Volume) -> str:
    """Two sizes may differ by less than a rounded number shows."""
    return f"{size(volume.capacity)} ({volume.capacity:,} bytes)"
