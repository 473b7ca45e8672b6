"""Every disk that is not copied must be at the same path on the destination, or QEMU cannot start there.

That no pool of the destination shows a path does not prove that the file is missing, but not knowing blocks as well: a
VM is not started on a guess about its disks.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import folder, place
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Remedy, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy, virsh


@check(
    title="Every disk is reachable at the destination",
    passed="The destination has every disk that is not copied, at the same path.",
    needs=storage.NEEDS,
    unknown_blocks=True,
)
def disks_reachable(facts: Facts) -> Iterator[Finding]:
    name, source, target = guest_of(facts).name, facts.source.name, facts.target.name
    for disk in storage.disks_in_place(facts):
        seen = storage.seen(facts, disk)
        if seen or disk.type == "network" or storage.may_be_taken_out(disk):
            continue
        why, fix = _why(facts, disk, missing=seen is False)
        other = remedy(f"Or copy it: kind live_storage, copy_disks with {disk.target}.")
        if disk.device in storage.REMOVABLE:
            eject = virsh("change-media", guest_of(facts).uuid, disk.target, flags=("--eject", "--live"))
            other = remedy("Or eject it, if it is not needed.", run=eject, on=source)
        pool = storage.pool_words(storage.target_pool(facts, disk))
        evidence, affects = {"path": place(disk), f"pool on {target}": pool}, f"disk {disk.target}"
        yield finding(Severity.BLOCKER, f"Disk {disk.target} of {name}: {why}", affects, evidence, fix, other)


def _why(facts: Facts, disk: Disk, *, missing: bool) -> tuple[str, Remedy]:
    source, target, path = facts.source.name, facts.target.name, place(disk)
    here, there = storage.source_pool(facts, disk), storage.target_pool(facts, disk)
    if there and not there.active:
        start = remedy(f"Start pool {there.name}.", run=virsh("pool-start", there.name), on=target)
        return f"pool {there.name} on {target} is not active.", start
    if not there and here:
        text = f"Define pool {here.name} on {target} as it is on {source}, and start it."
        define = remedy(text, run=virsh("pool-dumpxml", here.name), on=source)
        return f"{target} has no pool {here.name} with the path {here.target_path}.", define
    if missing:
        return f"{target} does not have {path}.", remedy(f"Make {path} reachable on {target}.")
    if isinstance(volume := storage.target_volume(facts, disk), Unknown):
        return f"whether {target} has {path} is not known: {volume.reason}", remedy(volume.remedy or "Check again.")
    if there:
        again = remedy("Read the pool again, if it is there.", run=virsh("pool-refresh", there.name), on=target)
        return f"pool {there.name} on {target} does not show {path}.", again
    text = f"Define a pool for {folder(path)} on both hosts, so that kvmweb sees what is in it."
    return f"whether {target} has {path} cannot be seen: no pool has this path.", remedy(text)
