"""Every disk that is not copied must be at the same path on the destination. Not knowing blocks as well."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import OWN_DISK, REMOVABLE, Sharing, folder, place
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Remedy, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy
from migrations_app.domain.virsh import virsh


@check(
    title="Every disk is reachable on the destination",
    passed="The destination has every disk that is not copied, at the same path.",
    needs=storage.NEEDS,
    unknown_blocks=True,
)
def disks_reachable(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    for disk in storage.disks_in_place(facts):
        seen = storage.seen(facts, disk)
        if seen or disk.type == "network" or storage.may_be_taken_out(disk):
            continue
        why, *fixes = _why(facts, disk, missing=seen is False)
        if disk.device in REMOVABLE:
            fixes += storage.eject(facts, disk)
        elif storage.shared(facts, disk) is not Sharing.PROVEN and not storage.in_the_way(facts, disk):
            fixes.append(storage.copy_instead(facts, disk))
        severity = Severity.UNKNOWN if facts.starts and seen is None else Severity.BLOCKER
        evidence = {"path": place(disk), **storage.place_words(facts, disk)}
        yield finding(severity, f"Disk {disk.target} of {guest.name}: {why}", f"disk {disk.target}", evidence, *fixes)


def _why(facts: Facts, disk: Disk, *, missing: bool) -> tuple[str, Remedy]:
    source, target, path = facts.source.name, facts.target.name, place(disk)
    here, there = storage.source_pool(facts, disk), storage.target_pool(facts, disk)
    untold = f"kvmweb cannot tell whether {target} has {path}"
    if disk.type == "volume" and not there and (same := storage.same_storage(facts, disk)):
        why = f"{target} has it in pool {same}, but libvirt looks for a pool named {disk.pool}. {OWN_DISK}"
        return why, remedy(f"Define pool {same} on {target} again under the name {disk.pool}, while no VM uses it.")
    if there and not there.active:
        start = virsh("pool-start", there.name)
        return f"pool {there.name} on {target} is not active.", remedy("Start the pool.", run=start, on=target)
    if not there and here:
        define = f"Define it on {target} as on {source}, and start it. This prints its definition."
        fix = remedy(define, run=virsh("pool-dumpxml", here.name), on=source)
        return f"{target} has no pool {here.name} with the path {here.target_path}.", fix
    if missing:
        return f"{target} does not have {path}.", remedy(f"Make {path} available on {target}.")
    if isinstance(volume := storage.target_volume(facts, disk), Unknown):
        return f"{untold}: {volume.reason}", remedy(volume.remedy or "Check again.")
    if there:
        again = remedy("Refresh the pool, if the disk is there.", run=virsh("pool-refresh", there.name), on=target)
        return f"pool {there.name} on {target} does not list {path}.", again
    return f"{untold}: no pool has this path.", remedy(f"Define a pool for {folder(path)} on both hosts.")
